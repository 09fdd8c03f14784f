// Loaded into the proxy when it starts: asks the hub to tell it where users' servers are. A proxy that was restarted knows
// none, and the hub would look by itself only every hub_last_activity_interval. A hub that does not answer now tells it when it starts.
// Environment: HUB_API_URL, CONFIGPROXY_AUTH_TOKEN, which the hub knows as a token of the service hubwright-proxy.
"use strict";

// A moment later the proxy listens; the hub tries again until it does.
setTimeout(() => {
  fetch(`${process.env.HUB_API_URL}/proxy`, {
    method: "POST",
    headers: { Authorization: `token ${process.env.CONFIGPROXY_AUTH_TOKEN}` },
  })
    .then((answer) => console.log(`asked the hub for its routes: ${answer.status}`))
    .catch((error) => console.log(`asked the hub for its routes: ${error.message}`));
}, 200);
