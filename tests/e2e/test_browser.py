# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person with a browser: signs in, writes a notebook, and goes on working while the hub restarts."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator

import pytest
from installation import PATIENCE, Installation
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1280,720"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
NOTEBOOK = "Untitled.ipynb"
CODE_CELLS = ".jp-Notebook .jp-CodeCell"


@pytest.fixture
def browser(installation: Installation, tmp_path: pathlib.Path) -> Iterator[WebDriver]:
    """Chromium with a profile of its own; HUBWRIGHT_PICTURE names a file for what it shows at the end."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for option in (*OPTIONS, *installation.browser_options(), f"--user-data-dir={tmp_path}"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield driver
        if picture := os.environ.get("HUBWRIGHT_PICTURE"):
            driver.save_screenshot(picture)
    finally:
        driver.quit()


def sees(browser: WebDriver, what: str, condition: Callable[[WebDriver], object]) -> None:
    """Wait until the page is as described."""
    WebDriverWait(browser, PATIENCE, ignored_exceptions=(StaleElementReferenceException,)).until(
        condition, f"expected on the page: {what}"
    )


def text_of(browser: WebDriver, selector: str) -> str:
    """The text of all elements that match."""
    return "\n".join(element.text for element in browser.find_elements(By.CSS_SELECTOR, selector))


def clicks(browser: WebDriver, what: str, by: str, selector: str) -> None:
    """Click the last element that matches, as soon as it is there and nothing moves or covers it any more."""

    def clicked(page: WebDriver) -> bool:
        try:
            page.find_elements(by, selector)[-1].click()
        except (IndexError, ElementNotInteractableException, ElementClickInterceptedException):
            return False
        return True

    sees(browser, what, clicked)


def run_in_last_cell(browser: WebDriver, code: str, output: str) -> None:
    """Type code into the last cell, run it, and see what it prints.

    Keys that JupyterLab gets while it is still moving its focus are lost, so what was typed is looked at, and done
    again: the code is one that may run twice.
    """
    cell = f"{CODE_CELLS} .cm-content"

    def tries(page: WebDriver) -> bool:
        clicks(page, "a cell to type into", By.CSS_SELECTOR, cell)
        with_control = ActionChains(page).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
        with_control.send_keys(code).perform()
        if code not in page.find_elements(By.CSS_SELECTOR, cell)[-1].text:
            return False
        ActionChains(page).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
        try:
            WebDriverWait(page, PATIENCE / 6, ignored_exceptions=(StaleElementReferenceException,)).until(
                lambda page: output in text_of(page, ".jp-OutputArea-output").split()
            )
        except TimeoutException:
            return False
        return True

    sees(browser, f"the output {output}", tries)


def save(browser: WebDriver, saved: Callable[[], object]) -> None:
    """Save the notebook by its keys, again when they were lost, and answer the question for a name of the first time."""

    def tries(page: WebDriver) -> bool:
        if not (questions := page.find_elements(By.CSS_SELECTOR, ".jp-Dialog .jp-mod-accept")):
            ActionChains(page).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
        for question in questions:
            with contextlib.suppress(ElementNotInteractableException, ElementClickInterceptedException):
                question.click()
        return bool(saved())

    sees(browser, "that the notebook is saved", tries)


def bob_opens_a_notebook(hub: Installation, browser: WebDriver) -> None:
    """Sign in, and make a notebook with JupyterLab's launcher."""
    browser.get(f"{hub.url}/")
    browser.find_element(By.ID, "username_input").send_keys("bob")
    browser.find_element(By.ID, "password_input").send_keys(hub.password("bob"))
    browser.find_element(By.ID, "login_submit").click()
    launcher = ".jp-LauncherCard[data-category='Notebook']"
    sees(browser, "JupyterLab's launcher", lambda page: page.find_elements(By.CSS_SELECTOR, launcher))
    assert "/user/bob/lab" in browser.current_url, (
        f"expected JupyterLab of bob, the browser is at {browser.current_url}"
    )
    news = "//*[contains(@class, 'Toastify')]//*[text()='No']"
    clicks(browser, "the question about news", By.XPATH, news)
    clicks(browser, "JupyterLab's launcher", By.CSS_SELECTOR, launcher)
    sees(browser, "a notebook with a kernel", lambda page: "Idle" in text_of_title(page))


def test_a_person_computes_in_the_browser(hub: Installation, browser: WebDriver) -> None:
    """From the sign-in page to a result, through whatever is in front of the hub."""
    bob_opens_a_notebook(hub, browser)
    run_in_last_cell(browser, "print(6 * 7)", "42")


def test_a_notebook_in_the_browser_survives_a_restart_of_the_hub(hub: Installation, browser: WebDriver) -> None:
    """Page, notebook, kernel, file; the kernel answers in the same page after the hub was restarted."""
    # JupyterLab opens what was open before, which is nothing now.
    home = hub.users_directory("bob")
    hub.on_host("rm", "-rf", f"{home}/.jupyter", f"{home}/{NOTEBOOK}")
    bob_opens_a_notebook(hub, browser)
    run_in_last_cell(browser, "marker = 6 * 7; print(marker)", "42")
    saved = f"{home}/{NOTEBOOK}"
    # There is no file before the first save.
    save(browser, lambda: "6 * 7" in hub.on_host("sh", "-c", 'cat "$0" 2>/dev/null || true', saved))

    browser.execute_script("window.same_page = true")
    before = hub.pid("hub")
    hub.play("restart_hub")
    assert hub.pid("hub") != before, "expected that the hub was restarted"
    run_in_last_cell(browser, "print(marker + 1)", "43")
    assert browser.execute_script("return window.same_page"), "expected the same page, not one that was loaded again"


def text_of_title(browser: WebDriver) -> str:
    """What the indicator of the kernel says when the pointer rests on it."""
    found = browser.find_elements(By.CSS_SELECTOR, ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator")
    return " ".join(element.get_attribute("data-status") or "" for element in found).title()
