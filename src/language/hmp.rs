//! The human monitor (HMP) behind QMP: makes requests of its lines, and reads its answers. No I/O.
//!
//! `human-monitor-command` runs one line and returns what the monitor printed. Each call forgets what `cpu N` selected;
//! [`HumanMonitor`] remembers it, and sends it along. Only the text tells that a line failed.
//! Source: QEMU's `monitor/hmp.c` and `qapi/misc.json`; docs/qmp.md, "HMP".

use std::fmt::Write as _;

use crate::json;
use crate::language::syntax::{is_noncharacter, quoted};
use crate::message::Request;

/// The command that carries a line.
pub const COMMAND: &str = "human-monitor-command";

/// The state of a session of the human monitor.
///
/// ```
/// use qmpsh::language::hmp::{Answer, HumanMonitor};
///
/// let mut monitor = HumanMonitor::default();
/// let answer = Answer::read("cpu 1", br#""""#).unwrap();
/// monitor.answered("cpu 1", &answer);
/// assert_eq!(
///     monitor.request("info registers").unwrap().text(),
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
        if let Some(refused) = line.chars().find(|c| is_noncharacter(*c)) {
            return Err(refused);
        }
        let mut arguments = format!(r#"{{"command-line":{}"#, quoted(line));
        // A line `cpu N` works also if the selected processor is gone.
        if let (Some(cpu), false) = (self.cpu, is_cpu(line)) {
            // Writing to a String cannot fail.
            let _ = write!(arguments, r#","cpu-index":{cpu}"#);
        }
        arguments.push('}');
        Ok(Request::new(COMMAND).with_arguments_text(&arguments).with_hmp_line(line))
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
    /// Reads the result of `human-monitor-command` for `line`; `None` if that is not a string.
    pub fn read(line: &str, result: &[u8]) -> Option<Self> {
        let mut text = json::decode(result.trim_ascii())?.replace('\r', "");
        let failed = is_failure(line, &text);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Some(Self { text, failed })
    }
}

/// What tells that a command failed whose failures do not begin with `Error`. `*` stands for any text.
enum Sign {
    /// A success prints nothing, or has one of these lines. Anything else but a warning is a failure, whatever its words: most of
    /// them come from parts of QEMU that have nothing to do with the monitor.
    Unless(&'static [&'static str]),
    /// A failure has one of these lines.
    If(&'static [&'static str]),
}

/// The commands whose failures do not begin with `Error`, found by giving wrong arguments to every command.
/// Source: docs/qmp.md, "HMP".
const SIGNS: &[(&str, Sign)] = &[
    ("boot_set", Sign::Unless(&["boot device list now set to *"])),
    ("calc_dirty_rate", Sign::Unless(&["Starting dirty rate measurement *"])),
    ("change", Sign::Unless(&[])),
    ("commit", Sign::Unless(&[])),
    ("cpu", Sign::Unless(&[])),
    ("device_add", Sign::If(&["Device '*' not found"])),
    ("drive_add", Sign::Unless(&["OK", "Supported formats:*"])),
    ("drive_del", Sign::Unless(&[])),
    ("gdbserver", Sign::Unless(&["Waiting for gdb connection *", "Disabled gdbserver"])),
    ("gpa2hpa", Sign::If(&["No memory is mapped at *", "Memory at address * is not RAM"])),
    ("gpa2hva", Sign::If(&["No memory is mapped at *", "Memory at address * is not RAM"])),
    ("gva2gpa", Sign::If(&["Unmapped", "No cpu"])),
    ("hostfwd_add", Sign::Unless(&[])),
    ("hostfwd_remove", Sign::Unless(&["host forwarding rule for * removed"])),
    ("info lapic", Sign::If(&["No CPU available"])),
    ("info qom-tree", Sign::If(&["Path '*' could not be resolved."])),
    ("info registers", Sign::If(&["CPU#* not available"])),
    ("info sgx", Sign::If(&["No EPC regions defined*", "SGX is not *"])),
    ("info snapshots", Sign::If(&["no block device can store vmstate *"])),
    ("info stats", Sign::If(&["invalid stats *"])),
    ("info trace-events", Sign::If(&["unknown event *", "invalid vCPU index *"])),
    ("info via", Sign::If(&["* is not available in this QEMU"])),
    ("log", Sign::Unless(&[])),
    ("logfile", Sign::Unless(&[])),
    // A processor without machine checks resets, as a real one does.
    ("mce", Sign::Unless(&["*raising triple fault"])),
    ("mouse_set", Sign::Unless(&[])),
    ("one-insn-per-tb", Sign::Unless(&[])),
    ("pcie_aer_inject_error", Sign::Unless(&["OK id: *"])),
    ("qemu-io", Sign::If(&["Cannot *"])),
    ("replay_break", Sign::Unless(&[])),
    ("replay_delete_break", Sign::Unless(&[])),
    ("replay_seek", Sign::Unless(&[])),
    ("sendkey", Sign::Unless(&[])),
    ("singlestep", Sign::Unless(&[])),
    ("trace-event", Sign::Unless(&[])),
    ("wavcapture", Sign::Unless(&[])),
    ("x", Sign::If(&["*: Cannot access memory", "*: unable to read memory"])),
    ("xp", Sign::If(&["*: Cannot access memory", "*: unable to read memory"])),
];

/// Commands that print what the guest says, line by line as it says it: there `Error` means nothing.
const GUEST_TEXT: &[&str] = &["info firmware-log", "ringbuf_read", "x", "xp"];

/// Returns true if the answer says that `line` failed. Source: docs/qmp.md, "HMP".
fn is_failure(line: &str, text: &str) -> bool {
    let command = command_of(line);
    let command = command.as_str();
    let lines = || text.lines().filter(|line| !line.is_empty());
    let misused = |last: &str| last.rfind("Try \"help ").is_some_and(|at| last[at..].ends_with("for more information"));
    if GUEST_TEXT.contains(&command) {
        // The monitor's own words are all that there is.
        let is_short = lines().count() <= 2 && lines().next_back().is_some_and(misused);
        let is_error = match command {
            "ringbuf_read" => is_ringbuf_error(line, text.trim_end()),
            "info firmware-log" => text.starts_with("Error: ") && lines().count() == 1,
            _ => false,
        };
        if is_short || is_error {
            return true;
        }
    } else if lines().any(|line| line.starts_with("Error")) || lines().next_back().is_some_and(misused) {
        return true;
    }
    if text.starts_with("unknown command") || (text.starts_with("Command ") && text.contains(" not available")) {
        return true;
    }
    // What asks for a list of choices gets it.
    if line.split_ascii_whitespace().skip(1).any(|word| matches!(word, "help" | "?")) {
        return false;
    }
    let has = |words: &[&str]| lines().any(|line| words.iter().any(|word| fits(word, line)));
    match SIGNS.iter().find(|(name, _)| *name == command) {
        Some((_, Sign::Unless(words))) => !lines().all(is_remark) && !has(words),
        Some((_, Sign::If(words))) => has(words),
        None => false,
    }
}

/// Returns the name of the command as the monitor reads it, with that of `info`'s.
fn command_of(line: &str) -> String {
    let mut words = line.split([' ', '\t', '\n', '\u{b}', '\u{c}', '\r', '/']).filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some("info"), Some(what)) => format!("info {what}"),
        (command, _) => command.unwrap_or_default().to_owned(),
    }
}

/// Returns true if `ringbuf_read` says that it read nothing. Its device is part of the words, so that a guest does not say them by chance.
fn is_ringbuf_error(line: &str, text: &str) -> bool {
    let Some(error) = text.strip_prefix("Error: ") else { return false };
    let device = line.split_ascii_whitespace().nth(1).unwrap_or_default().trim_matches('"');
    error == format!("Device '{device}' not found")
        || error == format!("{device} is not a ringbuf device")
        || error == "size must be greater than zero"
}

/// Returns true for what a success may print too.
fn is_remark(line: &str) -> bool {
    line.starts_with("warning: ") || line.starts_with("info: ") || fits("Please use * instead", line)
}

/// Returns true if `words`, in which one `*` stands for any text, are all of `line`.
fn fits(words: &str, line: &str) -> bool {
    match words.split_once('*') {
        Some((start, end)) => line.len() >= start.len() + end.len() && line.starts_with(start) && line.ends_with(end),
        None => words == line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_failure() {
        let check = |result: &str, expected: &str, failed: bool| {
            let expected = Answer { text: expected.into(), failed };
            assert_eq!(Answer::read("any", result.as_bytes()), Some(expected), "{result}");
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
        assert_eq!(Answer::read("any", b"{}"), None);
        assert_eq!(Answer::read("any", b""), None);
    }

    #[test]
    fn failures_of_a_command_are_found_by_its_own_words() {
        let check = |line: &str, text: &str, expected: bool| {
            assert_eq!(is_failure(line, text), expected, "{line}: {text}");
        };
        // Any line, but not what a guest says.
        check("change vnc password x", "Use passwords.\nError: Could not set password\n", true);
        check("savevm x", "Device 'a'\nError: b\n", true);
        check("info name", "a\nError\n", true);
        check("ringbuf_read c 100", "boot\nError: no disk\n", false);
        check("ringbuf_read c 100", "Error: Device 'd' not found\n", false);
        check("ringbuf_read c 100", "Error: Device 'c' not found\n", true);
        check(" ringbuf_read \"c\" 1", "Error: Device 'c' not found\n", true);
        check("ringbuf_read c", "ringbuf_read: int expected\nTry \"help ringbuf_read\" for more information\n", true);
        check("ringbuf_read c 9", "a\nb\nTry \"help x\" for more information", false);
        check("info firmware-log", "Error: a\nError: b\n", false);
        check("info firmware-log", "Error: unable to locate the log\n", true);
        check("x /4bx 0", "0000: Cannot access memory\n", true);
        check("xp/4i 0", "0x0000: unable to read memory\n", true);
        check("xp /4bx 0", "0000: 0x45 0x72\n", false);
        // What a command says if it succeeds.
        check("drive_add 0 if=none", "OK\n", false);
        check("drive_add 0 if=none", "Could not open '/OK': No such file or directory\n", true);
        check("drive_add 0 x", "warning: short-form boolean option 'x' deprecated\nPlease use x=on instead\n", false);
        check("drive_add 0 x", "warning: a\nPlease use x=on instead\nunsupported bus type 'on'\n", true);
        check("\t drive_add\t-n 0", "Duplicate nodes with node-name='n'\n", true);
        check("hostfwd_remove tcp::1", "host forwarding rule for tcp::1 removed\n", false);
        check("hostfwd_remove tcp::1", "host forwarding rule for tcp::1 not found\n", true);
        check("boot_set c", "boot device list now set to c\n", false);
        check("sendkey a", "", false);
        check("sendkey a", "\n", false);
        check("sendkey nosuch", "invalid parameter: nosuch\n", true);
        check("sendkeys nosuch", "invalid parameter: nosuch\n", false);
        check("mce 0 1 0 0 0 0", "CPU 0: Machine check, raising triple fault", false);
        check("wavcapture a b", "warning: 'wavcapture' is deprecated since v10.2, to be removed\n", false);
        check("wavcapture a b", "warning: deprecated\nFailed to add wave capture\n", true);
        check("device_add x,help", "Device 'x' not found\n", true);
        check("device_add help", "name \"x\"\n", false);
        check("log help", "Log items (comma separated):\n", false);
        check("log nosuch", "Log items (comma separated):\n", true);
        check("info  trace-events x", "unknown event \"x\"\n", true);
        check("info trace-events", "unknown_event : state 0\n", false);
        check("info usbhost", "Command \"info usbhost\" is not available.\n", true);
        check("", "", false);
    }

    #[test]
    fn lines_are_sent_as_they_are() {
        let check = |line: &str, expected: &str| {
            let request = HumanMonitor::default().request(line).unwrap();
            let expected =
                format!(r#"{{"execute":"human-monitor-command","arguments":{{"command-line":{expected}}}}}"#);
            assert_eq!((request.text(), request.command()), (expected.as_str(), COMMAND));
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
        assert!(monitor.request("info cpus").unwrap().text().contains(r#","cpu-index":3}"#));
        assert!(!monitor.request("cpu 1").unwrap().text().contains("cpu-index"));
    }
}
