#!/usr/bin/env python3
"""Opens report.html of real runs in a browser and uses it: sorts, searches, switches the theme.

  report_page.py SHARDMILL EXAMPLES_FOLDER [--pictures FOLDER]

Fails, also when the browser does not start. With --pictures it leaves screenshots for people to look at.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser  # noqa: E402

EVIL = "</script><script>window.evil = 1</script>\"'<b>&amp;\u202eexe.\u2028"
failures = 0


def check(what, found, expected):
    global failures
    if found == expected:
        print(f"ok      {what}")
        return
    failures += 1
    print(f"DIFFERS {what}\n  found    {str(found)[:800]}\n  expected {str(expected)[:800]}")


def run_job(shardmill, folder, run_dir, *more):
    done = subprocess.run([shardmill, "run", "job.toml", "--run-dir", run_dir, "--quiet", *more], cwd=folder, capture_output=True, text=True,
                          errors="replace")
    if done.returncode != 0:
        sys.exit(f"the job in {folder} ended with {done.returncode}: {done.stderr}")
    return os.path.join(run_dir, "report.html")


def hostile_job(folder):
    """File names, values and a job's name that try to be something else."""
    os.mkdir(os.path.join(folder, "data"))
    for i, name in enumerate([b"<script>alert(1).csv", b"quote\"'.csv", b"\x1b[31mred.csv", b"not-\xff-utf8.csv", b"<img src=x onerror=alert(2)>.csv"]):
        with open(os.path.join(os.fsencode(folder), b"data", name), "wb") as file:
            file.write(b"name,n\n" + f'"{EVIL.replace(chr(34), chr(34) * 2)}",{i}\n'.encode() + b"\x1b[2Jwipe,2\n\xfe\xff,3\nonly one field\n\"<i>not a number\",<u>\n")
    with open(os.path.join(folder, "job.toml"), "w") as file:
        file.write('name = "a <script>alert(3)</script> & \\"job\\""\n[input]\npaths = ["data"]\nformat = "csv"\ntypes = { n = "int" }\n'
                   '[[stage]]\nuse = "group"\nname = "<h1>by name</h1>"\nby = ["name"]\ncompute = ["count()", "sum(n)"]\n'
                   '[[stage]]\nuse = "profile"\n[[stage]]\nuse = "keep"\nwhere = "n > 2"\n')


def texts(browser, selector):
    return browser.run("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector)


def column(browser, table, number):
    return texts(browser, f"#{table} tbody tr > :nth-child({number})")


def check_quiet(browser, what):
    """No message in the console, and nothing asked for but the page itself."""
    check(f"{what}: nothing in the console", [entry["message"] for entry in browser.log("browser")], [])
    events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    addresses = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    check(f"{what}: no request but for the page", [a[:5] for a in addresses if a != "data:,"], ["file:"])


def check_width(browser, what):
    width, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    check(f"{what}: nothing is wider than the window", width <= inner, True)


def check_sorting(browser, table):
    unsorted = column(browser, table, 1)
    button = f"#{table} thead th:nth-child(2) button"
    browser.click(button)
    down = [int(text.replace(",", "")) for text in column(browser, table, 2)]
    check("a click sorts numbers, the greatest first", down, sorted(down, reverse=True))
    check("... and says so", browser.run("return document.querySelector(arguments[0]).getAttribute('aria-sort')", f"#{table} thead th:nth-child(2)"), "descending")
    browser.click(button)
    up = [int(text.replace(",", "")) for text in column(browser, table, 2)]
    check("a second one turns it", up, sorted(down))
    browser.click(button)
    check("a third one undoes it", column(browser, table, 1), unsorted)
    # By keyboard alone.
    browser.run("document.querySelector(arguments[0]).focus()", button)
    browser.type(button, "\ue007")
    check("Enter sorts too", [int(text.replace(",", "")) for text in column(browser, table, 2)], down)


def check_searching(browser, table, word, expected):
    before = len(column(browser, table, 1))
    browser.type(f"#{table} input[type=search]", word)
    check(f"a search for {word!r} leaves the rows that hold it", column(browser, table, 1), expected)
    check("... and counts them", texts(browser, f"#{table} .count")[0].startswith(f"{len(expected)} of {before} row"), True)
    browser.type(f"#{table} input[type=search]", "zzzz")
    check("... and says when there is none", column(browser, table, 1), ["no row holds this text"])
    browser.type(f"#{table} input[type=search]", "\ue003" * (len(word) + 4))
    check("... and all come back", len(column(browser, table, 1)), before)


def ground(browser):
    return browser.run("return getComputedStyle(document.body).backgroundColor")


def check_theme(browser):
    check("light is followed", ground(browser), "rgb(255, 255, 255)")
    browser.media("dark")
    browser.wait_for_frames()
    check("dark is followed", ground(browser), "rgb(21, 24, 27)")
    browser.click("button.theme")
    check("the switch goes to light", ground(browser), "rgb(255, 255, 255)")
    browser.click("button.theme")
    check("... and to dark", ground(browser), "rgb(21, 24, 27)")
    browser.media("light")
    check("... which stays", ground(browser), "rgb(21, 24, 27)")
    browser.media("dark", "print")
    check("paper is white", ground(browser), "rgb(255, 255, 255)")
    browser.media("light")


def check_accessible(browser):
    nameless = """return [...document.querySelectorAll('button, a, input, select, canvas, [role=img], [role=region]')].filter((node) =>
        !(node.getAttribute('aria-label') || node.textContent.trim() || node.title)).map((node) => node.outerHTML.slice(0, 200))"""
    check("everything that can be used or seen has a name", browser.run(nameless), [])
    levels = browser.run("return [...document.querySelectorAll('h1, h2, h3, h4')].map((node) => Number(node.tagName[1]))")
    check("headings go down one level at a time", [(a, b) for a, b in zip(levels, levels[1:]) if b > a + 1], [])
    check("links lead somewhere", browser.run(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].filter((a) => !document.getElementById(a.getAttribute('href').slice(1))).map((a) => a.outerHTML)"), [])
    check("no id stands twice", browser.run(
        "const ids = [...document.querySelectorAll('[id]')].map((node) => node.id); return ids.filter((id, i) => ids.indexOf(id) !== i)"), [])


def check_service_log(page, pictures):
    with Browser(1280, 900) as browser:
        browser.open(page)
        check("the title is the job's", texts(browser, "h1"), ["slow or failed requests"])
        check_sorting(browser, "table-0")
        check_searching(browser, "table-0", "16,874", ["200"])
        browser.run("window.dispatchEvent(new Event('beforeprint'))")
        charts = browser.run("return [...document.querySelectorAll('#tables canvas')].map((canvas) => { const d = canvas.getContext('2d')"
                             ".getImageData(0, 0, canvas.width, canvas.height).data; return d.some((x) => x > 0); })")
        check("each table has a chart, and it is drawn", charts, [True] * 3)
        check("the timeline has a row for each worker", browser.run("return page_data().how.timeline.rows.length === page_data().how.layout.workers"), True)
        check("what workers did is told stage by stage", len([t for t in texts(browser, "#how .short th") if t.startswith("stage ")]) > 3, True)
        check_theme(browser)
        check_accessible(browser)
        check_width(browser, "at 1280 pixels")
        check("separators stand before the point only", browser.run("return [integer(-1234567), integer(1234.56789), short_number(0.09812), float_text(1234.56789, 5)]"),
              ["-1,234,567", "1,234.56789", "0.09812", "1,234.56789"])
        check_quiet(browser, "service log")
    take_pictures(page, pictures, "service-log")


def check_diff(shardmill, before, after, pictures):
    done = subprocess.run([shardmill, "diff", before, after, "--format", "html"], capture_output=True)
    check("diff says that the runs differ", done.returncode, 10)
    page = before + ".diff.html"
    with open(page, "wb") as file:
        file.write(done.stdout)
    with Browser(400, 900) as browser:
        browser.open(page)
        check("a comparison says what differs", texts(browser, ".notice")[0].startswith("The results differ: "), True)
        check("... and shows the tables", len(texts(browser, "#tables tbody tr")) > 0, True)
        check_accessible(browser)
        check_width(browser, "a comparison at 400 pixels")
        check_quiet(browser, "comparison")
    take_pictures(page, pictures, "diff")


def check_hostile(page, pictures):
    with Browser(400, 900) as browser:
        browser.open(page)
        browser.run("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        browser.wait_for_frames()
        check("no script of the data ran", browser.run("return window.evil === undefined"), True)
        check("no element of the data is there", browser.run("return document.querySelectorAll('#page img, #page b b, #page i i, #page u, #page h1 ~ h1, #page script').length"), 0)
        check("the job's name is text", texts(browser, "h1"), ['a <script>alert(3)</script> & "job"'])
        all_text = browser.run("return document.body.textContent")
        for shown in ["<script>alert(1).csv", "quote\"'.csv", "\\x1b[31mred.csv", "not-\\xff-utf8.csv", "<img src=x onerror=alert(2)>.csv",
                      "\\x1b[2Jwipe", "\\xe2\\x80\\xaeexe.\\xe2\\x80\\xa8", "<h1>by name</h1>", "</script><script>window.evil = 1</script>"]:
            check(f"{shown!r} is shown as text", shown in all_text, True)
        with open(page, "rb") as file:
            content = file.read()
        check("no control character is in the file", [c for c in set(content) if c < 32 and c != 10], [])
        check_width(browser, "at 400 pixels")
        check_accessible(browser)
        check_quiet(browser, "hostile names")
    take_pictures(page, pictures, "hostile")


def take_pictures(page, folder, name):
    if not folder:
        return
    for width in (1280, 400):
        for scheme in ("light", "dark"):
            with Browser(width, 900, scheme) as browser:
                browser.open(page)
                browser.screenshot(os.path.join(folder, f"{name}-{width}-{scheme}.png"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shardmill")
    parser.add_argument("examples")
    parser.add_argument("--pictures")
    arguments = parser.parse_args()
    shardmill, examples = os.path.abspath(arguments.shardmill), os.path.abspath(arguments.examples)
    work = tempfile.mkdtemp(prefix="shardmill-pages-")
    try:
        check_service_log(run_job(shardmill, os.path.join(examples, "service-log"), os.path.join(work, "log.run")), arguments.pictures)
        run_job(shardmill, os.path.join(examples, "service-log"), os.path.join(work, "part.run"), "--limit", "2000")
        check_diff(shardmill, os.path.join(work, "log.run"), os.path.join(work, "part.run"), arguments.pictures)
        os.mkdir(os.path.join(work, "hostile"))
        hostile_job(os.path.join(work, "hostile"))
        check_hostile(run_job(shardmill, os.path.join(work, "hostile"), os.path.join(work, "hostile.run")), arguments.pictures)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(1 if failures else 0)


main()
