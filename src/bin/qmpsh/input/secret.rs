//! Asks the user for a value, without echo.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use qmpsh::text;

/// Asks for one line at the terminal, without echo. Blocks.
///
/// # Errors
/// There is no terminal; [`io::ErrorKind::Interrupted`] after Ctrl-C; the answer is not UTF-8.
pub(crate) fn ask(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|error| io::Error::new(error.kind(), "=@? needs a terminal (without one, use =@FILE or =@-)"))?;
    if !terminal.is_terminal() {
        return Err(io::Error::other("/dev/tty is not a terminal"));
    }
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    // No signals: Ctrl-C would end the program with the echo off or, where it is caught, do nothing.
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    silent.special_codes[SpecialCodeIndex::VMIN] = 1;
    silent.special_codes[SpecialCodeIndex::VTIME] = 0;
    *ASKING.lock().unwrap_or_else(PoisonError::into_inner) = Some((terminal.try_clone()?, before));
    // Text typed before the question does not answer it.
    tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let answer = ask_at(&mut terminal, prompt);
    restore_echo();
    answer
}

/// The terminal of the question being asked, and its settings before.
static ASKING: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Restores the settings of the terminal, also if a question was given up unanswered.
pub(crate) fn restore_echo() {
    if let Some((terminal, before)) = ASKING.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // The terminal may be gone.
        let _ = tcsetattr(&terminal, OptionalActions::Flush, &before);
    }
}

fn ask_at(terminal: &mut File, prompt: &str) -> io::Result<String> {
    terminal.write_all(format!("{}: ", text::line(prompt)).as_bytes())?;
    let answer = read_answer(terminal);
    terminal.write_all(b"\n")?;
    String::from_utf8(answer?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the answer is not UTF-8"))
}

fn read_answer(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut byte = [0];
    loop {
        if from.read(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match byte[0] {
            // Ctrl-C
            3 => return Err(io::ErrorKind::Interrupted.into()),
            // Ctrl-D
            4 if answer.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            4 => {}
            // Ctrl-U
            21 => answer.clear(),
            b'\r' | b'\n' => return Ok(answer),
            // Backspace erases a whole character: only its first byte is not a continuation byte.
            8 | 127 => while answer.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            key => answer.push(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_can_be_edited_and_given_up() {
        let check = |typed: &str, expected: Result<&str, io::ErrorKind>| {
            let answer = read_answer(&mut typed.as_bytes()).map(|answer| String::from_utf8(answer).unwrap());
            assert_eq!(answer.map_err(|error| error.kind()), expected.map(str::to_owned), "{typed:?}");
        };
        check("s3cret \rrest", Ok("s3cret "));
        check("abc\x7f\x08d\n", Ok("ad"));
        check("a\u{e9}\x7fb\n", Ok("ab"));
        check("\x7f\u{2713}\n", Ok("\u{2713}"));
        check("wrong\x15right\r", Ok("right"));
        check("a\x04\r", Ok("a"));
        check("\x04", Err(io::ErrorKind::UnexpectedEof));
        check("ab\x03", Err(io::ErrorKind::Interrupted));
        check("ab", Err(io::ErrorKind::UnexpectedEof));
    }
}
