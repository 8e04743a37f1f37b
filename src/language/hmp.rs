//! The human monitor (HMP) behind QMP: makes requests of its lines, and reads its answers. No I/O.
//!
//! `human-monitor-command` runs one line and returns what the monitor printed. Each call forgets what `cpu N` selected;
//! [`HumanMonitor`] remembers it, and sends it along. Only the text tells that a line failed.
//! Source: QEMU's `monitor/hmp.c` and `qapi/misc.json`; docs/qmp.md, "HMP".

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::json;
use crate::language::syntax::{is_refused, json_string};
use crate::message::Request;
use crate::text;

/// The command that carries a line.
pub const COMMAND: &str = "human-monitor-command";

/// The state of a session of the human monitor.
///
/// ```
/// use qmpsh::language::hmp::{Answer, HumanMonitor};
///
/// let mut monitor = HumanMonitor::default();
/// let answer = Answer::read(br#""""#).unwrap();
/// monitor.answered("cpu 1", &answer);
/// assert_eq!(
///     monitor.request("info registers").unwrap().text,
///     r#"{"execute":"human-monitor-command","arguments":{"command-line":"info registers","cpu-index":1}}"#
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HumanMonitor {
    cpu: Option<i64>,
}

impl HumanMonitor {
    /// Makes the request that sends `line` as it is. Fails with a character that QEMU refuses in any message.
    pub fn request(&self, line: &str) -> Result<Request, char> {
        if let Some(refused) = line.chars().find(|c| is_refused(*c)) {
            return Err(refused);
        }
        let mut text = format!(r#"{{"execute":"{COMMAND}","arguments":{{"command-line":"#);
        text.push_str(&json_string(line));
        // A line `cpu N` works also if the selected processor is gone.
        if let (Some(cpu), false) = (self.cpu, is_cpu(line)) {
            // Writing to a String cannot fail.
            let _ = write!(text, r#","cpu-index":{cpu}"#);
        }
        text.push_str("}}");
        Ok(Request { text, hmp_line: Some(line.to_owned()), ..Request::new(COMMAND) })
    }

    /// Remembers the processor that `line` selected, if `answer` says that it did.
    pub fn answered(&mut self, line: &str, answer: &Answer) {
        // The monitor prints errors only.
        if let (true, Some(cpu)) = (answer.text.trim().is_empty(), selected_cpu(line)) {
            self.cpu = Some(cpu);
        }
    }

    /// Returns the selected processor.
    pub fn cpu(&self) -> Option<i64> {
        self.cpu
    }
}

fn is_cpu(line: &str) -> bool {
    line.split_whitespace().next() == Some("cpu")
}

/// Returns the N of `cpu N`, in the spellings of C. The monitor also accepts sums, which are not worth it.
fn selected_cpu(line: &str) -> Option<i64> {
    let number = line.trim().strip_prefix("cpu").filter(|rest| rest.starts_with([' ', '\t']))?.trim();
    let (digits, radix) = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if number.len() > 1 && number.starts_with('0') => (&number[1..], 8),
        None => (number, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}

/// Says what to do if QEMU refused `human-monitor-command` itself.
pub fn hint(class: &str, desc: &str) -> Option<&'static str> {
    if class == "CommandNotFound" {
        Some("this peer has no human monitor: a storage daemon and a guest agent have none")
    } else if desc.contains("'cpu-index'") {
        Some("the selected CPU no longer exists: `cpu 0` selects the first one")
    } else {
        None
    }
}

/// The text that the monitor printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The text without carriage returns, with a newline at its end if it is not empty. Not safe to show.
    pub text: String,
    /// True if it says that the line failed. The monitor does not tell every failure.
    pub failed: bool,
}

impl Answer {
    /// Reads the result of `human-monitor-command`; `None` if that is not a string.
    pub fn read(result: &[u8]) -> Option<Self> {
        let mut text = json::decode(result.trim_ascii())?.replace('\r', "");
        let failed = is_failure(&text);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Some(Self { text, failed })
    }

    /// Returns the text without anything that could drive a terminal.
    pub fn for_terminal(&self) -> Cow<'_, str> {
        text::lines(&self.text)
    }
}

/// Returns true if the answer says that its line failed. Source: docs/qmp.md, "HMP".
fn is_failure(text: &str) -> bool {
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    text.starts_with("Error")
        || text.starts_with("unknown command")
        || last.rfind("Try \"help ").is_some_and(|at| last[at..].ends_with("for more information"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_failure() {
        let check = |result: &str, expected: &str, failed: bool| {
            let expected = Answer { text: expected.into(), failed };
            assert_eq!(Answer::read(result.as_bytes()), Some(expected), "{result}");
        };
        check(r#""""#, "", false);
        check(r#""7.2.22\r\n""#, "7.2.22\n", false);
        check(r#""a\r\nb""#, "a\nb\n", false);
        check(r#""10%\r20%\r\n""#, "10%20%\n", false);
        check(r#""Error: Device 'x' not found\r\n""#, "Error: Device 'x' not found\n", true);
        check(r#""unknown command: 'x'\r\n""#, "unknown command: 'x'\n", true);
        let hint = "eject: block device name expected\nTry \"help eject\" for more information\n";
        check(&serde_json::to_string(&hint.replace('\n', "\r\n")).unwrap(), hint, true);
        check(r#""x Try \"help info\" for more information""#, "x Try \"help info\" for more information\n", true);
        check(r#""Try \"help x\" for more information\nlater""#, "Try \"help x\" for more information\nlater\n", false);
        check(r#""no Error: here\n""#, "no Error: here\n", false);
        check(r#"" unknown command: x""#, " unknown command: x\n", false);
        check(r#""\u001b[2J""#, "\u{1b}[2J\n", false);
        assert_eq!(Answer::read(br#""\u001b\n""#).unwrap().for_terminal(), "\\u{1b}\n");
        assert_eq!(Answer::read(b"{}"), None);
        assert_eq!(Answer::read(b""), None);
    }

    #[test]
    fn lines_are_sent_as_they_are() {
        let check = |line: &str, expected: &str| {
            let request = HumanMonitor::default().request(line).unwrap();
            let expected =
                format!(r#"{{"execute":"human-monitor-command","arguments":{{"command-line":{expected}}}}}"#);
            assert_eq!((request.text, request.command.as_str()), (expected, COMMAND));
        };
        check("info version", r#""info version""#);
        check("print 1 | 2 # 'x", r#""print 1 | 2 # 'x""#);
        check("a \"b\\\t", r#""a \"b\\\t""#);
        assert_eq!(HumanMonitor::default().request("a\u{ffff}"), Err('\u{ffff}'));
    }

    #[test]
    fn the_cpu_is_remembered() {
        let check = |line: &str, answer: &str, expected: Option<i64>| {
            let mut monitor = HumanMonitor::default();
            monitor.answered(line, &Answer { text: answer.into(), failed: false });
            assert_eq!(monitor.cpu(), expected, "{line}");
        };
        check("cpu 1", "", Some(1));
        check("  cpu \t 12 ", "", Some(12));
        check("cpu 0x1F", "", Some(31));
        check("cpu 010", "", Some(8));
        check("cpu 0", "", Some(0));
        check("cpu 7", "invalid CPU index\n", None);
        check("cpu", "", None);
        check("cpu x", "", None);
        check("cpu 1+1", "", None);
        check("cpu 0x-1", "", None);
        check("cpux 1", "", None);
        check("cpu1", "", None);
        check("info cpus", "", None);
        check("cpu 99999999999999999999", "", None);
        let mut monitor = HumanMonitor { cpu: Some(3) };
        monitor.answered("cpu 9", &Answer { text: "invalid CPU index\n".into(), failed: false });
        assert_eq!(monitor.cpu(), Some(3));
        assert!(monitor.request("info cpus").unwrap().text.contains(r#","cpu-index":3}"#));
        assert!(!monitor.request("cpu 1").unwrap().text.contains("cpu-index"));
    }
}
