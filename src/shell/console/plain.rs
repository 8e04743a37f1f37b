//! Reading lines where they cannot be edited: a terminal that only scrolls, or none.

use std::io::{self, BufRead};
use std::sync::mpsc::Receiver;

use tokio::sync::mpsc::UnboundedSender;

use super::Input;
use super::state::Shared;

/// Reads a line for each request, until nobody can make one. The thread is never joined: nothing ends a blocking read
/// of stdin but its end.
pub(super) fn run(shared: &Shared, requests: &Receiver<()>, inputs: &UnboundedSender<Input>) {
    let mut stdin = io::stdin().lock();
    while requests.recv().is_ok() {
        let input = read(&mut stdin, || {
            shared.line("the line was dropped: it is not UTF-8".to_owned());
        });
        shared.hide_prompt();
        if inputs.send(input).is_err() {
            return;
        }
    }
}

fn read(from: &mut impl BufRead, mut not_utf8: impl FnMut()) -> Input {
    loop {
        let mut line = Vec::new();
        match from.read_until(b'\n', &mut line) {
            Ok(0) => return Input::EndOfFile,
            Ok(_) => {}
            Err(error) => return Input::Failed(error.to_string()),
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        match String::from_utf8(line) {
            Ok(line) => return Input::Line(line),
            Err(_) => not_utf8(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut from: &[u8] = b"one\r\ntwo\n\n\xff\nlast";
        let mut dropped = 0;
        let mut inputs = Vec::new();
        loop {
            match read(&mut from, || dropped += 1) {
                Input::Line(line) => inputs.push(line),
                other => {
                    assert_eq!(other, Input::EndOfFile);
                    break;
                }
            }
        }
        assert_eq!((inputs.as_slice(), dropped), (["one", "two", "", "last"].map(String::from).as_slice(), 1));
    }
}
