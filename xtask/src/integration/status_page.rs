//! The status page of the relay in a browser.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use crate::failure::{Failure, Trying, fail};
use crate::peers::{Chromium, Page};
use crate::relay::{Program, Relay};

pub(super) fn cases(browser: &Arc<Chromium>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    let trial = Trial {
        browser: Arc::clone(browser),
        program: Arc::clone(program),
        folder: scratch.join("status-page"),
    };
    vec![Case::new("the status page of our relay", move || trial.run())]
}

struct Trial {
    browser: Arc<Chromium>,
    program: Arc<Program>,
    folder: PathBuf,
}

impl Trial {
    fn run(&self) -> Result<String, Failure> {
        let mut relay = self.start("127.0.0.1:0")?;
        let Some(address) = relay.figures() else { fail!("the relay shows no figures") };
        send(&relay, 1000)?;
        relay.wait_until(PATIENCE, |status| {
            status["outputs"][0]["pending"] == 1000 && status["outputs"][1]["acknowledged"] == 1000
        })?;

        let mut page = self.browser.open(&self.folder.join("profile"))?;
        page.show(1280, 900, false)?;
        page.visit(&format!("http://{address}/"))?;
        page.evaluate(HELPERS)?;
        shows_what_there_is(&mut page)?;
        stays_as_it_is(&mut page, &relay)?;
        fits(&mut page)?;
        let complaints = page.complaints()?;
        if !complaints.is_empty() {
            fail!("the browser complains: {complaints:?}");
        }

        relay.kill();
        page.wait_until("find('#verdict').innerText.startsWith('✕ No answer from the relay since ')")?;
        let _relay = self.start(&address.to_string())?;
        page.wait_until(
            "find('#verdict').innerText === '● All is well' && fact('archive', 'delivered') === '0'",
        )?;
        Ok("numbers, plots, names and problems are there as text, on wide and narrow screens, light and dark; \
            says when the relay is away, and goes on when it is back"
            .to_owned())
    }

    fn start(&self, metrics: &str) -> Result<Relay, Failure> {
        let config = CONFIG.replace("METRICS", metrics).replace("MARKUP", MARKUP);
        self.program.start(&self.folder, &config, &["beats", MARKUP])
    }
}

fn send(relay: &Relay, lines: usize) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(relay.address(MARKUP)?).trying("cannot connect to the relay")?;
    stream.write_all(&b"a line\n".repeat(lines)).trying("cannot send to the relay")
}

fn shows_what_there_is(page: &mut Page) -> Result<(), Failure> {
    page.wait_until("cards('inputs').length === 2 && cards('outputs').length === 2")?;
    page.wait_until(&format!("titled(cards('inputs')[0]) === '{MARKUP}'"))?;
    page.wait_until("cards('inputs')[0].innerText.includes('1,000 events')")?;
    page.wait_until("fact('archive', 'delivered') === '1,000' && fact('archive', 'waiting') === '0'")?;
    page.wait_until(
        "fact('<b>away</b>', 'waiting') === '1,000' && fact('<b>away</b>', 'delivered') === '0'",
    )?;
    page.wait_until("card('<b>away</b>').innerText.includes('▲ away')")?;
    page.wait_until("find('#verdict').innerText.startsWith('▲ output <b>away</b>: away: cannot connect')")?;
    page.wait_until("find('#troubles').innerText.includes('beats://127.0.0.1:1')")?;
    page.wait_until("points('#inputs .line') >= 3 && points('#outputs .line') >= 3")?;
    page.wait_until("card('<b>away</b>').querySelector('svg').ariaLabel.includes('at most 1,000')")?;
    // What is written like markup is text.
    page.wait_until("document.images.length === 0 && document.scripts.length === 1 && !find('li b b, h3 b')")
}

/// The nodes are the same after an update, and where they were.
fn stays_as_it_is(page: &mut Page, relay: &Relay) -> Result<(), Failure> {
    page.evaluate(
        "var kept = [...document.querySelectorAll('section, li, h3, svg, dd')]; var places = where(kept); 0",
    )?;
    send(relay, 500)?;
    page.wait_until("fact('archive', 'delivered') === '1,500'")?;
    page.wait_until("kept.every(node => node.isConnected)")?;
    page.wait_until("where(kept) === places")
}

/// Nothing sticks out, and everything can be read.
fn fits(page: &mut Page) -> Result<(), Failure> {
    let mut backgrounds = Vec::new();
    for (width, is_dark) in [(1280, true), (700, true), (340, true), (340, false), (1280, false)] {
        page.show(width, 900, is_dark)?;
        page.wait_until(&format!(
            "innerWidth === {width} && document.documentElement.scrollWidth <= {width}"
        ))?;
        let faint = page.evaluate("faint()")?;
        if faint != serde_json::json!([]) {
            fail!("hard to read, {}: {faint}", if is_dark { "dark" } else { "light" });
        }
        backgrounds.push(page.evaluate("getComputedStyle(document.body).backgroundColor")?);
    }
    if backgrounds.first() == backgrounds.last() {
        fail!("dark and light are the same: {backgrounds:?}");
    }
    Ok(())
}

const MARKUP: &str =
    "<img src=x onerror=alert(1)>, a name that is longer than anybody would ever give to an input";

const CONFIG: &str = r#"
    metrics = "METRICS"
    inputs."MARKUP".listen = "lines+tcp://127.0.0.1:0"
    inputs.beats.listen = "beats://127.0.0.1:0"
    outputs.archive.endpoint = "discard:"
    outputs."<b>away</b>".endpoint = "beats://127.0.0.1:1"
"#;

/// Functions for the expressions; `find` is the page's own.
const HELPERS: &str = r#"
    var cards = section => [...document.querySelectorAll(`#${section} li`)];
    var titled = found => found.querySelector("h3").innerText;
    var card = wanted => cards("outputs").find(found => titled(found) === wanted);
    var fact = (wanted, title) => [...card(wanted).querySelectorAll("dt")].find(dt => dt.innerText === title).nextElementSibling.innerText;
    var points = line => Math.min(...[...document.querySelectorAll(line)].map(path => path.getAttribute("d").split(/[ML]/).length - 1));
    var where = nodes => JSON.stringify(nodes.map(node => { const { x, y, height } = node.getBoundingClientRect(); return [x, y, height]; }));
    // The contrast of a text to what is behind it, by WCAG 2.
    var light = colour => { const [r, g, b] = colour.match(/[\d.]+/g).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
    var behind = node => { const colour = getComputedStyle(node).backgroundColor; return colour === "rgba(0, 0, 0, 0)" ? behind(node.parentElement) : colour; };
    var contrast = node => { const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a); return (a + .05) / (b + .05); };
    var faint = () => [...document.querySelectorAll("h1, h2, h3, p, span, dt, dd, strong, b, a")].filter(node => node.textContent.trim() && contrast(node) < 4.5).map(node => node.outerHTML);
    0
"#;

const PATIENCE: Duration = Duration::from_secs(60);
