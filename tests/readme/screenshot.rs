//! The picture in README.md: a session on a real QEMU, from the screen of a terminal to an SVG.
//!
//! Each run of the tests makes the picture; `scripts/screenshot` also writes it to `docs/screenshot.svg`. The session only waits for
//! prompts, so that it goes on when messages change.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::program_beside;
use crate::support::Qemu;
use crate::support::terminal::{Screen, Terminal};
use vt100::Color;

/// Set by `scripts/screenshot`.
const VARIABLE: &str = "SCREENSHOT";

/// The most bytes of the picture: a page with it is still quick to load.
const MOST: usize = 60_000;

const ROWS: u16 = 28;
const COLUMNS: u16 = 80;

/// The size of a character, and the space around the screen, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const MARGIN: f32 = 14.0;

/// The picture has a background of its own, so it is legible on light and on dark pages.
const BACKGROUND: &str = "#1b1f27";
const FOREGROUND: &str = "#d8dee9";

/// The 16 colors of a terminal, each with a contrast of at least 4.5 to the background; black is for what is dimmed.
const PALETTE: [&str; 16] = [
    "#8b95a7", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#6bd5e0", "#d8dee9", "#8b95a7", "#ffa198",
    "#aff5b4", "#f2cc60", "#a5d6ff", "#e2c5ff", "#9ee8ef", "#ffffff",
];

fn picture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screenshot.svg")
}

/// The session that the picture shows.
fn session() -> Screen {
    let file = |name: &str| format!("driver=null-co,node-name={name}-file");
    let disk = |name: &str| format!("driver=raw,node-name={name},file={name}-file");
    let qemu = ["disk", "data"].iter().fold(Qemu::q35().name("web1").second_monitor(), |qemu, name| {
        let device = format!("virtio-blk-pci,drive={name},id=v{name}");
        qemu.args(["-blockdev", &file(name), "-blockdev", &disk(name), "-device", &device])
    });
    let qemu = qemu.start();
    let mut t = program_beside(&qemu, "sh")
        .env("LC_ALL", "C.UTF-8")
        .env("PS1", "$ ")
        .env("TERM", "xterm-256color")
        .terminal_of(ROWS, COLUMNS);
    t.wait(|screen| screen.line() == "$");
    run(&mut t, "qmpsh q.sock");
    // This takes the schema, so from here on a name that it does not know is red.
    run(&mut t, ".commands resize");
    run(&mut t, ".show block");
    run(&mut t, "block_resize node-name=disk sise=8G");
    // A list of what fits, an event above the line, a hint behind it.
    t.type_keys("block_resize node-name=\t");
    let is_list = |row: &str| row.starts_with("disk ");
    t.wait(|screen| screen.line().contains("node-name=d"));
    t.type_keys("\t");
    t.wait(|screen| screen.text().lines().any(is_list));
    qemu.second_client().execute(r#"{"execute":"stop"}"#);
    t.wait(|screen| screen.line().starts_with("(web1 paused) block_resize node-name=d"));
    t.type_keys("isk ");
    t.wait(|screen| screen.line().starts_with("(web1 paused) block_resize node-name=disk size="))
}

/// Types a line and waits for the next prompt.
fn run(t: &mut Terminal, line: &str) {
    let prompts = |screen: &Screen| screen.text().lines().filter(|row| row.starts_with("(web1)")).count();
    let before = prompts(&t.screen());
    t.type_keys(&format!("{line}\r"));
    t.wait(|screen| screen.line() == "(web1)" && prompts(screen) > before);
}

/// Draws the screen.
fn svg(screen: &vt100::Screen) -> String {
    let (cursor_row, cursor_column) = screen.cursor_position();
    // Below the line being typed there is nothing.
    let rows = cursor_row + 1;
    let (width, height) = (f32::from(COLUMNS) * WIDTH + 2.0 * MARGIN, f32::from(rows) * HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>A qmpsh session</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\" \
         fill=\"{FOREGROUND}\" xml:space=\"preserve\" style=\"white-space:pre\">\n"
    );
    let (x, y) = place(cursor_row, cursor_column);
    let _ = writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#566074\"/>",
        y - 13.5
    );
    for row in 0..rows {
        let cells: Vec<_> = (0..COLUMNS).map(|column| screen.cell(row, column)).collect();
        let mut column = 0;
        for run in cells.chunk_by(|a, b| a.map(style) == b.map(style)) {
            let text: String = run.iter().map(|cell| contents(*cell)).collect();
            if !text.trim().is_empty() {
                // The rest is only room.
                let before = text.len() - text.trim_start().len();
                let text = text.trim();
                let (x, y) = place(row, column + u16::try_from(before).unwrap());
                let style = run[0].map(style).unwrap_or_default();
                // Each run is as wide as its cells, whatever the font.
                let length = f32::from(u16::try_from(text.chars().count()).unwrap()) * WIDTH;
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\"{style}>{}</text>",
                    escaped(text)
                );
            }
            column += u16::try_from(run.len()).unwrap();
        }
    }
    svg + "</g>\n</svg>\n"
}

/// Returns where the baseline of a cell begins.
fn place(row: u16, column: u16) -> (f32, f32) {
    (MARGIN + f32::from(column) * WIDTH, MARGIN + f32::from(row) * HEIGHT + 13.5)
}

fn contents(cell: Option<&vt100::Cell>) -> &str {
    cell.map(vt100::Cell::contents).filter(|text| !text.is_empty()).unwrap_or(" ")
}

/// Returns the attributes for the look of a cell, without those that are the default. Spaces look all the same.
fn style(cell: &vt100::Cell) -> String {
    let color = match cell.fgcolor() {
        Color::Default => String::new(),
        Color::Idx(index) => PALETTE.get(usize::from(index)).map_or_else(|| cube(index), |color| (*color).to_owned()),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    };
    let color = if cell.dim() && color.is_empty() { PALETTE[8].to_owned() } else { color };
    let color = if color.is_empty() { color } else { format!(" fill=\"{color}\"") };
    format!("{color}{}", if cell.bold() { " font-weight=\"bold\"" } else { "" })
}

/// Returns a color of xterm's cube of 6 levels each, or of its greys, lighter by half so that it is legible on the background.
fn cube(index: u8) -> String {
    let level = |index: u8| if index == 0 { 0 } else { 55 + 40 * index };
    let [r, g, b] = match index.checked_sub(232) {
        Some(grey) => [8 + 10 * grey; 3],
        None => [36, 6, 1].map(|step| level((index - 16) / step % 6)),
    };
    let [r, g, b] = [r, g, b].map(|part| 127 + part / 2);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Fails if a picture is not one that pages can show: tags that match, no script, nothing from elsewhere, not too large.
fn check(svg: &str) {
    assert!(svg.len() < MOST, "the picture has {} bytes", svg.len());
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{svg:.200}");
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        assert!(!text.contains('>') && text.split('&').skip(1).all(|rest| rest.contains(';')), "{text}");
        let (tag, after) = tag[1..].split_once('>').unwrap_or_else(|| panic!("no end of a tag: {tag:.80}"));
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        assert!(["svg", "title", "rect", "g", "text"].contains(&name), "a tag `{name}`");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    assert!(!svg.contains("href") && svg.matches("<text ").count() > 15, "{svg}");
}

#[test]
fn the_picture_can_be_made_and_is_small_and_well_formed() {
    let screen = session();
    let made = svg(screen.emulated());
    check(&made);
    if std::env::var_os(VARIABLE).is_some_and(|value| value == "overwrite") {
        std::fs::write(picture(), made).unwrap();
    }
    check(&std::fs::read_to_string(picture()).unwrap());
    assert!(super::README.contains("docs/screenshot.svg"), "README.md shows the picture");
}
