// Loaded into the proxy when it starts: at its port for HTTP it shows an authority that speaks ACME what the directory has.
// Everything else that comes there is sent to HTTPS, as before.
"use strict";

const fs = require("fs");
const http = require("http");

const DIRECTORY = process.env.CHALLENGES;
const ASKED = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]+)$/;
const emit = http.Server.prototype.emit;

http.Server.prototype.emit = function (event, request, answer) {
  const asked = event === "request" && ASKED.exec(request.url);
  if (!asked) return emit.apply(this, arguments);
  fs.readFile(`${DIRECTORY}/${asked[1]}`, (error, content) => {
    answer.writeHead(error ? 404 : 200, { "Content-Type": "text/plain" });
    answer.end(error ? "" : content);
  });
  return true;
};
