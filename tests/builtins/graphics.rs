//! `.screen` at a terminal that shows pictures, and at those that do not.

use std::fs;
use std::io::Read as _;

use data_encoding::BASE64;
use flate2::read::ZlibDecoder;

use super::lines;
use crate::support::terminal::Terminal;
use crate::support::{DEADLINE, Program, Qemu, poll_until, qmpsh, temporary_directory};

/// What `.screen` asks with `TERM=xterm-256color`.
const QUESTIONS: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c";
const KITTY: &str = "\x1b_Gi=31;OK\x1b\\";
/// Cells of 20x40 pixels: the picture fits as it is.
const CELL: &str = "\x1b[6;40;20t";

/// The width, the height and the pixels of a picture.
type Picture = (usize, usize, Vec<u8>);

/// A VM with a display on which QEMU itself writes that the guest has not used it.
fn picture() -> (Qemu, Picture) {
    let qemu = Qemu::q35().args(["-device", "virtio-gpu-pci"]).start();
    let directory = temporary_directory();
    let file = directory.path().join("screen.png");
    lines(&qemu.socket(), &[&format!(".screen \"{}\"", file.display())]).run().status(0);
    let picture = decode_png(&fs::read(file).expect("a picture"));
    assert!((picture.0, picture.1) == (640, 480) && picture.2.iter().any(|value| *value > 0));
    (qemu, picture)
}

/// A shell that has read its schema and begins `.screen`, and `term` for its terminal.
fn shell(qemu: &Qemu, term: &str) -> Terminal {
    let mut terminal = program(qemu, term).terminal();
    terminal.wait(|screen| screen.line().starts_with("(QEMU"));
    terminal.type_keys(".screen\r");
    terminal
}

fn program(qemu: &Qemu, term: &str) -> Program {
    qmpsh().arg(qemu.socket()).env("TERM", term)
}

fn is_asked(terminal: &Terminal, questions: &str) -> bool {
    String::from_utf8_lossy(&terminal.raw()).contains(questions)
}

#[track_caller]
fn wait_for_questions(terminal: &Terminal, questions: &str) {
    assert!(poll_until(DEADLINE, || is_asked(terminal, questions).then_some(())).is_some(), "{terminal}");
}

/// Reads a PNG file with 8 bits a channel and no filter.
fn decode_png(png: &[u8]) -> Picture {
    let mut rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("a PNG file");
    let number =
        |bytes: &[u8]| usize::try_from(u32::from_be_bytes(bytes[..4].try_into().expect("4 bytes"))).expect("a size");
    let (mut size, mut packed) = ((0, 0), Vec::new());
    while !rest.is_empty() {
        let (length, name) = (number(rest), &rest[4..8]);
        let data = &rest[8..8 + length];
        match name {
            b"IHDR" => size = (number(data), number(&data[4..])),
            b"IDAT" => packed.extend_from_slice(data),
            _ => {}
        }
        rest = &rest[12 + length..];
    }
    let mut rows = Vec::new();
    ZlibDecoder::new(&packed[..]).read_to_end(&mut rows).expect("packed rows");
    let pixels = rows.chunks(size.0 * 3 + 1).flat_map(|row| &row[1..]).copied().collect();
    (size.0, size.1, pixels)
}

/// Takes the picture out of what came to a terminal: all parts, without their keys.
fn decode_kitty(raw: &str) -> Picture {
    let parts = raw.split("\x1b_G").skip(1).map(|part| part.split_once("\x1b\\").expect("the end of a part").0);
    let parts: Vec<_> =
        parts.filter_map(|part| part.split_once(';')).filter(|(keys, _)| !keys.contains("a=q")).collect();
    assert_eq!(parts[0].0, "a=T,f=100,q=2,m=1");
    for (at, (keys, data)) in parts.iter().enumerate() {
        let has_more = at + 1 < parts.len();
        assert!(keys.ends_with(if has_more { "m=1" } else { "m=0" }) && data.len() <= 4096, "{keys}");
    }
    let data: String = parts.iter().map(|(_, data)| *data).collect();
    decode_png(&BASE64.decode(data.as_bytes()).expect("base64"))
}

/// Draws the sixels in what came to a terminal, as a terminal does.
fn decode_sixel(raw: &str) -> Picture {
    let (_, sixels) = raw.split_once("\x1bPq\"1;1;").expect("sixels");
    let mut rest = sixels.split_once("\x1b\\").expect("the end of the sixels").0;
    let numbers = |rest: &mut &str| -> Vec<usize> {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(rest.len());
        let (numbers, after) = rest.split_at(end);
        *rest = after;
        numbers.split(';').map(|number| number.parse().expect("a number")).collect()
    };
    let size = numbers(&mut rest);
    let (width, height) = (size[0], size[1]);
    let mut pixels = vec![1; width * height * 3];
    let (mut palette, mut color, mut x, mut y, mut count) = (vec![[0; 3]; 256], 0, 0, 0, 1);
    while let Some(c) = rest.chars().next() {
        rest = &rest[1..];
        match c {
            '#' => match numbers(&mut rest)[..] {
                [number] => color = number,
                [number, 2, red, green, blue] => {
                    palette[number] =
                        [red, green, blue].map(|value| u8::try_from(value * 255 / 100).expect("percents"));
                }
                _ => panic!("a color of another kind"),
            },
            '!' => count = numbers(&mut rest)[0],
            '$' => x = 0,
            '-' => (x, y) = (0, y + 6),
            '?'..='~' => {
                for x in x..x + count {
                    for row in (0..6).filter(|row| (u32::from(c) - 63) >> row & 1 == 1) {
                        let at = ((y + row) * width + x) * 3;
                        pixels[at..at + 3].copy_from_slice(&palette[color]);
                    }
                }
                (x, count) = (x + count, 1);
            }
            _ => panic!("{c:?} among sixels"),
        }
    }
    (width, height, pixels)
}

/// Waits for the prompt below the last picture, and returns what came.
#[track_caller]
fn shown(terminal: &Terminal, end: &str) -> String {
    let found = poll_until(DEADLINE, || {
        let raw = String::from_utf8(terminal.raw()).ok()?;
        let is_whole = raw.rfind(end).is_some_and(|at| raw[at..].contains("(QEMU"));
        is_whole.then_some(raw)
    });
    let Some(raw) = found else { panic!("no picture\n{terminal}") };
    raw
}

#[test]
fn a_terminal_with_kittys_protocol_gets_a_png() {
    let (qemu, picture) = picture();
    let mut terminal = shell(&qemu, "xterm-256color");
    wait_for_questions(&terminal, QUESTIONS);
    terminal.type_keys(&format!("{KITTY}{CELL}\x1b[?62;4c"));
    assert_eq!(decode_kitty(&shown(&terminal, "m=0;")), picture);
    // The terminal is asked once.
    terminal.type_keys(".screen as=auto\r");
    let again = poll_until(DEADLINE, || {
        let raw = String::from_utf8(terminal.raw()).ok()?;
        (raw.matches("a=T").count() == 2 && raw[raw.rfind("a=T")?..].contains("(QEMU")).then_some(raw)
    });
    assert_eq!(again.map(|raw| raw.matches("a=q").count()), Some(1), "{terminal}");
    terminal.type_keys("\x04");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_as_found();
}

#[test]
fn a_terminal_with_sixels_gets_sixels_that_fit() {
    let (qemu, picture) = picture();
    let mut terminal = shell(&qemu, "xterm-256color");
    wait_for_questions(&terminal, QUESTIONS);
    terminal.type_keys(&format!("{CELL}\x1b[?62;4;22c"));
    let (width, height, pixels) = decode_sixel(&shown(&terminal, "-\x1b\\"));
    drop(terminal);
    assert_eq!((width, height), (640, 480));
    // Sixels have colors in percents.
    assert!(pixels.iter().zip(&picture.2).all(|(shown, guest)| shown.abs_diff(*guest) <= 3));
    let mut terminal = shell(&qemu, "xterm-256color");
    wait_for_questions(&terminal, QUESTIONS);
    terminal.type_keys("\x1b[6;10;5t\x1b[?4c");
    // 23 rows of 10 pixels.
    let (width, height, _) = decode_sixel(&shown(&terminal, "-\x1b\\"));
    assert_eq!((width, height), (306, 230));
}

#[test]
fn a_terminal_without_pictures_gets_half_blocks() {
    let (qemu, _) = picture();
    // A terminal multiplexer is not asked for kitty's protocol.
    for (term, questions, answer) in
        [("xterm-256color", QUESTIONS, "\x1b[?62;22c"), ("screen", "\x1b[16t\x1b[c", "\x1b[?1;2c")]
    {
        let mut terminal = shell(&qemu, term);
        wait_for_questions(&terminal, questions);
        assert_eq!(is_asked(&terminal, "\x1b_G"), term != "screen", "{term}");
        terminal.type_keys(answer);
        let raw = shown(&terminal, "▀");
        assert!(!raw.contains("\x1bP") && !raw.contains("a=T"), "{raw:?}");
    }
}

#[test]
fn a_terminal_that_does_not_answer_gets_half_blocks_and_what_was_typed_ahead_stays() {
    let (qemu, _) = picture();
    let mut terminal = shell(&qemu, "xterm-256color");
    wait_for_questions(&terminal, QUESTIONS);
    terminal.type_keys("query-st");
    terminal.wait(|screen| screen.line() == "(QEMU) query-st");
    terminal.type_keys("atus\r");
    terminal.wait_for("\"running\"");
    assert!(String::from_utf8_lossy(&terminal.raw()).contains('▀'));
}

#[test]
fn a_dumb_terminal_is_not_asked() {
    let (qemu, _) = picture();
    let mut terminal = program(&qemu, "dumb").args(["-c", ".screen"]).terminal();
    assert_eq!(terminal.wait_exit(), 1);
    terminal.wait_for("the guest shows a picture, 640x480: name a FILE to save it");
    assert!(!terminal.raw().contains(&0x1b), "{terminal}");
}

#[test]
fn a_batch_at_a_terminal_shows_a_picture_too() {
    let (qemu, picture) = picture();
    let mut terminal = program(&qemu, "xterm-kitty").args(["-c", ".screen"]).terminal();
    wait_for_questions(&terminal, QUESTIONS);
    terminal.type_keys(&format!("{KITTY}{CELL}\x1b[?62c"));
    assert_eq!(terminal.wait_exit(), 0);
    assert_eq!(decode_kitty(&String::from_utf8(terminal.raw()).expect("UTF-8")), picture);
    terminal.assert_as_found();
}

#[test]
fn ctrl_c_ends_the_question() {
    let (qemu, _) = picture();
    let mut terminal = program(&qemu, "xterm-kitty").args(["-c", ".screen"]).terminal();
    wait_for_questions(&terminal, QUESTIONS);
    terminal.type_keys("\x03");
    assert_eq!(terminal.wait_exit(), 130);
    terminal.assert_as_found();
}

#[test]
fn a_form_can_be_chosen() {
    let (qemu, _) = picture();
    let kitty = lines(&qemu.socket(), &[".screen as=kitty"]).run();
    let (width, height, _) = decode_kitty(&kitty.status(0).stdout_text());
    assert_eq!((width, height), (490, 368), "23 rows of 16 pixels");
    let sixel = lines(&qemu.socket(), &[".screen as=sixel"]).run();
    assert_eq!(decode_sixel(&sixel.status(0).stdout_text()).0, 490);
}
