//! Asks the terminal which pictures it shows.
//!
//! Sources: kitty's graphics protocol, "Querying support and available transmission mediums"; "Device Attributes" and "Window
//! manipulation" in xterm's control sequences.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use tokio::time::{sleep, timeout};

/// How long the terminal has to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait for more of the answer.
const PAUSE: Duration = Duration::from_millis(5);

/// The most that is read: the answers and what the user typed.
const LONGEST: usize = 4096;

/// Asks whether a picture of one pixel could be shown.
const KITTY: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
/// Asks for the size of a cell.
const CELL: &str = "\x1b[16t";
/// Asks what the terminal is. Each terminal answers this, and answers in order, so it comes last.
const ATTRIBUTES: &str = "\x1b[c";

/// The kinds of terminals that are not asked for kitty's protocol, by the beginnings of their names. They do not pass it on, and GNU
/// screen and old consoles show the question.
const WITHOUT_KITTY: [&str; 3] = ["screen", "tmux", "linux"];

/// What a terminal can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Graphics {
    pub(crate) kitty: bool,
    pub(crate) sixel: bool,
    /// The width and the height of a cell in pixels.
    pub(crate) cell: Option<(usize, usize)>,
}

/// What the terminal answered. A terminal is asked once.
static KNOWN: Mutex<Option<Graphics>> = Mutex::new(None);

/// Returns what the terminal can show, and what the user typed before it answered.
///
/// Dropping the future restores the terminal.
pub(crate) async fn graphics() -> (Graphics, String) {
    let known = KNOWN.lock().ok().and_then(|known| *known);
    let (mut graphics, typed) = match known {
        Some(known) => (known, String::new()),
        // Without an answer the terminal has none of it.
        None => ask().await.unwrap_or_default(),
    };
    if let Ok(mut known) = KNOWN.lock() {
        *known = Some(graphics);
    }
    // The window may be of another size than before.
    graphics.cell = cell().or(graphics.cell);
    (graphics, typed)
}

/// Returns the size of a cell, if the terminal told the system.
fn cell() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    let of = |pixels: u16, cells: u16| Some(usize::from(pixels.checked_div(cells)?)).filter(|size| *size > 0);
    Some((of(size.ws_xpixel, size.ws_col)?, of(size.ws_ypixel, size.ws_row)?))
}

/// The terminal while answers are read: keys come at once and are not shown.
struct Asked {
    terminal: File,
    before: Termios,
}

impl Drop for Asked {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

async fn ask() -> io::Result<(Graphics, String)> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    // Opened again: the descriptors 0 to 2 may belong to other programs, too.
    let terminal = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open("/dev/tty")?;
    if tcgetpgrp(&terminal)? != getpgrp() {
        return Err(io::Error::other("in the background"));
    }
    let before = tcgetattr(&terminal)?;
    let mut quiet = before.clone();
    // Ctrl-C stays a signal.
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
    let mut asked = Asked { terminal, before };
    tcsetattr(&asked.terminal, OptionalActions::Now, &quiet)?;
    let term = env::var("TERM").unwrap_or_default();
    let kitty = if WITHOUT_KITTY.iter().any(|without| term.starts_with(without)) { "" } else { KITTY };
    let size = if cell().is_none() { CELL } else { "" };
    asked.terminal.write_all(format!("{kitty}{size}{ATTRIBUTES}").as_bytes())?;
    let mut bytes = Vec::new();
    // On a timeout the answers so far count.
    let _ = timeout(PATIENCE, async {
        let mut chunk = [0; 256];
        while !read(&bytes).2 && bytes.len() < LONGEST {
            match rustix::io::read(&asked.terminal, &mut chunk) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(Errno::AGAIN | Errno::INTR) => sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
    .await;
    let (graphics, typed, _) = read(&bytes);
    Ok((graphics, typed))
}

/// Reads answers: what the terminal has, what else was typed, and whether it has said what it is.
fn read(bytes: &[u8]) -> (Graphics, String, bool) {
    let (mut graphics, mut typed, mut is_complete) = (Graphics::default(), Vec::new(), false);
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let answer = if *first == 0x1b { answer(after) } else { None };
        let Some((kind, text, left)) = answer else {
            typed.push(*first);
            continue;
        };
        rest = left;
        let mut numbers = text.split(';').map(|number| number.parse::<usize>().unwrap_or_default());
        match kind {
            "_G" => graphics.kitty |= text == "i=31;OK",
            "[?" => (graphics.sixel, is_complete) = (numbers.any(|number| number == 4), true),
            _ => {
                let (height, width) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
                graphics.cell = (width > 0 && height > 0).then_some((width, height));
            }
        }
    }
    (graphics, String::from_utf8_lossy(&typed).into_owned(), is_complete)
}

/// Reads an answer behind its Escape: how it begins, its text, and what follows.
fn answer(bytes: &[u8]) -> Option<(&'static str, &str, &[u8])> {
    [("_G", "\x1b\\"), ("[?", "c"), ("[6;", "t")].into_iter().find_map(|(begin, end)| {
        let rest = bytes.strip_prefix(begin.as_bytes())?;
        let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
        let length = match begin {
            "_G" => memchr::memmem::find(rest, end.as_bytes())?,
            _ => rest.iter().position(|byte| !is_number(byte))?,
        };
        let left = rest[length..].strip_prefix(end.as_bytes())?;
        Some((begin, str::from_utf8(&rest[..length]).ok()?, left))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_what_is_typed() {
        let none = Graphics::default();
        let (kitty, sixel) = (Graphics { kitty: true, ..none }, Graphics { sixel: true, ..none });
        for (bytes, graphics, typed, is_complete) in [
            ("", none, "", false),
            ("\x1b[?62c", none, "", true),
            ("\x1b[?62;4;22c", sixel, "", true),
            ("\x1b[?62;14;41c", none, "", true),
            ("\x1b_Gi=31;OK\x1b\\", kitty, "", false),
            ("\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\\x1b[?62c", none, "", true),
            ("\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62c", Graphics { cell: Some((10, 20)), ..kitty }, "", true),
            ("\x1b[6;0;0t\x1b[?4c", sixel, "", true),
            ("sto\x1b[?4cp\r", sixel, "stop\r", true),
            ("\x1b[A\x1b[6", none, "\x1b[A\x1b[6", false),
            ("\x1b_Gi=31", none, "\x1b_Gi=31", false),
        ] {
            assert_eq!(read(bytes.as_bytes()), (graphics, typed.to_owned(), is_complete), "{bytes:?}");
        }
    }
}
