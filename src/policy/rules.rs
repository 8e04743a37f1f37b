//! The rules that users write, and what they allow.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::commands::{Decision, Effect};
use super::human;
use crate::json::{self, Document};
use crate::message::Request;
use crate::pattern::{Pattern, PatternError};

/// The command whose lines have rules of their own.
const HUMAN: &str = "human-monitor-command";

/// The line for the human monitor that reads the memory of VGA's text mode.
pub const SCREEN_TEXT: &str = "xp /4000bx 0xb8000";

/// How the names of objects begin that are monitors: whoever makes one has a monitor without a policy.
const MONITOR: &str = "monitor-";

/// What a rule is about: `PATTERN` for commands, `hmp:PATTERN` for lines of the human monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pattern: Pattern,
    is_human: bool,
}

impl FromStr for Rule {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let line = text.strip_prefix("hmp:");
        Ok(Self { pattern: Pattern::new(line.unwrap_or(text))?, is_human: line.is_some() })
    }
}

/// Writes the rule as it was read; not safe to show.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_human {
            f.write_str("hmp:")?;
        }
        self.pattern.fmt(f)
    }
}

impl Rule {
    fn is_for(&self, command: &str) -> bool {
        // Its lines have rules of their own, so `*` does not mean it.
        !self.is_human && self.pattern.matches(command) && (command != HUMAN || self.is_exactly(HUMAN))
    }

    fn is_for_line(&self, line: &str) -> bool {
        self.is_human && self.pattern.matches(line)
    }

    fn is_exactly(&self, name: &str) -> bool {
        !self.pattern.is_glob() && self.pattern.matches(name)
    }
}

/// Which commands may be sent. Without any rule, all of them.
///
/// ```
/// use qmpsh::policy::Policy;
///
/// let policy = Policy { read_only: true, ..Policy::default() };
/// assert!(policy.allows("query-status", b"{}"));
/// assert!(!policy.allows("stop", b"{}"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Allows the commands that change, load, consume, block and reveal nothing: those whose [`Decision`] is [`Effect::Reads`].
    pub read_only: bool,
    /// Allows what these rules are about, besides what `read_only` allows. Without `read_only`, only that.
    pub allow: Vec<Rule>,
    /// Denies what these rules are about, whatever else allows it.
    pub deny: Vec<Rule>,
}

impl Policy {
    /// Returns true if the command may be sent with these arguments, a JSON object.
    ///
    /// `qmp_capabilities` is always allowed. A transaction is allowed if each of its actions is. A line of the human monitor needs
    /// a rule that allows it as soon as there is any rule.
    pub fn allows(&self, command: &str, arguments: &[u8]) -> bool {
        if command == "qmp_capabilities" || *self == Self::default() {
            return true;
        }
        match command {
            _ if self.deny.iter().any(|rule| rule.is_for(command)) => false,
            HUMAN => {
                let lines = strings(arguments, "command-line").unwrap_or_default();
                !lines.is_empty() && lines.iter().all(|line| self.allows_line(line))
            }
            "transaction" => {
                actions(arguments).is_some_and(|actions| actions.iter().all(|name| self.allows_action(name)))
            }
            "object-add" if !self.allows_object(arguments) => false,
            _ => self.allows_command(command, arguments),
        }
    }

    /// Returns true if the request may be sent.
    pub fn allows_request(&self, request: &Request) -> bool {
        let arguments = || Document::parse(request.text().as_bytes()).ok()?.slice("arguments");
        *self == Self::default() || self.allows(request.command(), &arguments().unwrap_or_default())
    }

    /// Returns the command of those that read the guest's screen that a rule of `deny` is about.
    pub fn screen_denied(&self) -> Option<&'static str> {
        let is_denied =
            |command: &&str| self.deny.iter().any(|rule| rule.is_for(command) || rule.is_for_line(SCREEN_TEXT));
        [HUMAN, "add-fd", "screendump", "remove-fd"].into_iter().find(is_denied)
    }

    /// Returns true if the request reads the guest's screen, by its text or into an open file, and only reading is allowed. A rule that
    /// denies one of the commands for that denies all.
    pub(crate) fn allows_screen(&self, request: &Request) -> bool {
        if !self.read_only || self.screen_denied().is_some() {
            return false;
        }
        let arguments = Document::parse(request.text().as_bytes()).ok().and_then(|text| text.slice("arguments"));
        let arguments = arguments.unwrap_or_default();
        let members: Vec<_> = json::members(&arguments).into_iter().flatten().collect();
        let has = |names: &[&str]| members.iter().all(|(name, _)| names.contains(&&*json::decode_inner(name)));
        let is = |name, fits: fn(&str) -> bool| {
            strings(&arguments, name).is_some_and(|values| matches!(&values[..], [value] if fits(value)))
        };
        let is_set = |path: &str| path.strip_prefix("/dev/fdset/").is_some_and(|set| set.parse::<u32>().is_ok());
        match request.command() {
            HUMAN => has(&["command-line"]) && is("command-line", |line| line == SCREEN_TEXT),
            "add-fd" => members.is_empty() && request.open_file().is_some(),
            "screendump" => has(&["filename", "device"]) && is("filename", is_set),
            "remove-fd" => has(&["fdset-id"]),
            _ => false,
        }
    }

    fn allows_command(&self, command: &str, arguments: &[u8]) -> bool {
        let is_open = !self.read_only && self.allow.is_empty();
        let reads = || Decision::on(command).is_some_and(|decision| decision.effect == Effect::Reads);
        is_open
            || self.allow.iter().any(|rule| rule.is_for(command))
            || (self.read_only && reads() && !reads_secret(command, arguments))
    }

    fn allows_action(&self, name: &str) -> bool {
        // It only makes a transaction fail.
        name == "abort" || (!self.deny.iter().any(|rule| rule.is_for(name)) && self.allows_command(name, b"{}"))
    }

    fn allows_line(&self, line: &str) -> bool {
        let Some(line) = human::normal(line) else { return false };
        let is_glob_enough = !human::needs_exact_rule(&line);
        let allows = |rule: &Rule| rule.is_for_line(&line) && (is_glob_enough || !rule.pattern.is_glob());
        self.allow.iter().any(allows) && !self.deny.iter().any(|rule| rule.is_for_line(&line))
    }

    fn allows_object(&self, arguments: &[u8]) -> bool {
        let Some(types) = strings(arguments, "qom-type") else { return false };
        types
            .iter()
            .filter(|name| name.starts_with(MONITOR))
            .all(|name| self.allow.iter().any(|rule| rule.is_exactly(name)))
    }
}

/// Returns true if the command would return the data of a secret.
fn reads_secret(command: &str, arguments: &[u8]) -> bool {
    command == "qom-get" && strings(arguments, "property").is_none_or(|names| names.iter().any(|name| name == "data"))
}

/// Returns the names of the actions of a transaction; `None` if there is none that QEMU would run.
fn actions(arguments: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for list in values(arguments, "actions") {
        for action in json::elements(&Bytes::copy_from_slice(list))? {
            names.extend(strings(&action, "type").filter(|names| !names.is_empty())?);
        }
    }
    Some(names)
}

/// Returns the values of the member `key`, each a string; `None` if one is not.
///
/// QEMU refuses an object with two members of a name. If there were two, both would count here.
fn strings(object: &[u8], key: &str) -> Option<Vec<String>> {
    values(object, key).map(|value| Some(json::decode(value)?.into_owned())).collect()
}

fn values<'a>(object: &'a [u8], key: &str) -> impl Iterator<Item = &'a [u8]> {
    let members = json::members(object).into_iter().flatten();
    members.filter(move |(name, _)| json::decode_inner(name) == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Descriptor;

    /// A policy in words: `read-only`, `+RULE` allows, `-RULE` denies.
    fn policy(words: &[&str]) -> Policy {
        let mut policy = Policy::default();
        for word in words {
            match word.split_at(1) {
                ("+", rule) => policy.allow.push(rule.parse().unwrap()),
                ("-", rule) => policy.deny.push(rule.parse().unwrap()),
                _ => policy.read_only = true,
            }
        }
        policy
    }

    #[track_caller]
    fn check(words: &[&str], allowed: &[&str], denied: &[&str]) {
        let policy = policy(words);
        for (commands, expected) in [(allowed, true), (denied, false)] {
            for command in commands {
                let (name, arguments) = command.split_once(' ').unwrap_or((command, "{}"));
                assert_eq!(policy.allows(name, arguments.as_bytes()), expected, "{words:?}: {command}");
            }
        }
    }

    #[test]
    fn reading_the_screen_is_allowed_with_read_only() {
        #[track_caller]
        fn check(words: &[&str], request: Request, expected: bool) {
            assert_eq!(policy(words).allows_screen(&request), expected, "{words:?}: {request:?}");
        }
        let of = |command: &str, arguments: serde_json::Value| Request::new(command).arguments(&arguments).unwrap();
        let text = || of(HUMAN, serde_json::json!({"command-line": SCREEN_TEXT}));
        let dump = |name: &str| of("screendump", serde_json::json!({"filename": name, "device": "vga0"}));
        let read_only = &["read-only"][..];
        check(read_only, text(), true);
        check(read_only, dump("/dev/fdset/3"), true);
        check(read_only, of("remove-fd", serde_json::json!({"fdset-id": 3})), true);
        check(read_only, Request::new("add-fd").descriptor(Descriptor::from(std::fs::File::open("/").unwrap())), true);
        check(read_only, Request::new("add-fd"), false);
        check(read_only, dump("/etc/passwd"), false);
        check(read_only, dump("/dev/fdset/3/../../../etc/passwd"), false);
        check(read_only, of("screendump", serde_json::json!({"filename": "/dev/fdset/3", "head": 1})), false);
        check(read_only, of(HUMAN, serde_json::json!({"command-line": "xp /1bx 0"})), false);
        check(read_only, of(HUMAN, serde_json::json!({"command-line": SCREEN_TEXT, "cpu-index": 1})), false);
        check(read_only, of("stop", serde_json::json!({})), false);
        for words in [&["+query-status"][..], &["read-only", "-remove-fd"], &["read-only", "-hmp:xp*"], &[]] {
            check(words, text(), false);
            check(words, dump("/dev/fdset/3"), false);
        }
    }

    #[test]
    fn without_rules_everything_passes() {
        check(
            &[],
            &["quit", "x", r#"human-monitor-command {"command-line":"q"}"#, r#"object-add {"qom-type":"monitor-qmp"}"#],
            &[],
        );
    }

    #[test]
    fn read_only_is_a_list_of_names() {
        check(
            &["read-only"],
            &[
                "query-status",
                "qmp_capabilities",
                r#"qom-get {"path":"/","property":"type"}"#,
                r#"transaction {"actions":[]}"#,
            ],
            &[
                "stop",
                "query-new",
                "query-accelerators",
                "device-list-properties",
                r#"qom-get {"path":"/objects/s","property":"data"}"#,
                r#"qom-get {"path":"/objects/s","\u0070roperty":"d\u0061ta"}"#,
                "qom-get {\"path\":\"/\",\"property\":1}",
                r#"human-monitor-command {"command-line":"info status"}"#,
            ],
        );
    }

    #[test]
    fn allow_adds_to_read_only_and_else_stands_alone() {
        check(&["read-only", "+stop", "+block-*"], &["query-status", "stop", "block-commit"], &["cont", "quit"]);
        check(&["+query-*"], &["query-accelerators", "query-new", "qmp_capabilities"], &["stop", "qom-list"]);
        check(&["read-only", "+qom-get"], &[r#"qom-get {"path":"/objects/s","property":"data"}"#], &[]);
        // The word for a transaction does not allow its actions.
        check(&["+transaction"], &[], &[r#"transaction {"actions":[{"type":"blockdev-snapshot","data":{}}]}"#]);
    }

    #[test]
    fn deny_wins() {
        check(&["-stop", "-migrate*"], &["cont", "query-status"], &["stop", "migrate", "migrate_cancel"]);
        check(&["read-only", "+*", "-quit"], &["stop"], &["quit"]);
        check(&["read-only", "-query-block"], &["query-blockstats"], &["query-block"]);
        check(&["-qmp_*"], &["qmp_capabilities"], &[]);
    }

    #[test]
    fn a_transaction_needs_each_action_allowed() {
        let both = r#"transaction {"actions":[{"type":"block-dirty-bitmap-add","data":{}},{"type":"blockdev-backup","data":{}}]}"#;
        let abort =
            r#"transaction {"actions":[{"type":"block-dirty-bitmap-add","data":{}},{"type":"abort","data":{}}]}"#;
        check(&["+block-dirty-*"], &[abort], &[both]);
        check(&["+block-dirty-*", "+blockdev-backup"], &[both], &[]);
        check(&["-blockdev-backup"], &[abort], &[both]);
        check(&["+block-dirty-*", "-transaction"], &[], &[abort]);
        check(
            &["+*"],
            &[],
            &[
                r#"transaction {"actions":[{"data":{}}]}"#,
                r#"transaction {"actions":[{"type":1}]}"#,
                r#"transaction {"actions":1}"#,
            ],
        );
        let escaped = r#"transaction {"actions":[{"\u0074ype":"blockdev-b\u0061ckup"}]}"#;
        check(&["-blockdev-backup"], &[], &[escaped]);
    }

    #[test]
    fn lines_of_the_human_monitor_need_a_rule_of_their_own() {
        let line =
            |line: &str| format!("human-monitor-command {{\"command-line\":{}}}", serde_json::to_string(line).unwrap());
        let check = |words: &[&str], allowed: &[&str], denied: &[&str]| {
            let [allowed, denied] =
                [allowed, denied].map(|lines| lines.iter().map(|text| line(text)).collect::<Vec<_>>());
            let [allowed, denied] =
                [&allowed, &denied].map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
            super::tests::check(words, &allowed, &denied);
        };
        check(&["-stop"], &[], &["info status", "stop"]);
        check(&["+*"], &[], &["info status"]);
        check(&["+human-monitor-command"], &[], &["info status"]);
        check(
            &["read-only", "+hmp:info *"],
            &["info status", " info\tblock -v"],
            &["info qdm", " info\u{b}qdm ", "i", "q"],
        );
        check(&["+hmp:info *", "+hmp:info qdm"], &["info qdm"], &[]);
        check(&["+hmp:*", "-hmp:quit"], &["stop", "info status"], &["quit", "q", " q", "info qdm", "quit\0"]);
        check(&["+hmp:x *"], &["x/4xb 0"], &["xp/4xb 0"]);
        check(&["+hmp:*", "-human-monitor-command"], &[], &["info status"]);
        check(&["+hmp:*"], &[], &["object_add monitor-qmp,id=m,chardev=c"]);
        for arguments in ["", " {}", " {\"command-line\":1}", " {\"commadd-line\":\"info status\"}"] {
            super::tests::check(&["+hmp:*"], &[], &[&format!("human-monitor-command{arguments}")]);
        }
    }

    #[test]
    fn a_monitor_needs_a_rule_with_its_exact_name() {
        let monitor = r#"object-add {"qom-type":"monitor-qmp","id":"m","chardev":"c"}"#;
        let human = r#"object-add {"id":"m","qom\u002dtype":"monitor\u002dhmp","chardev":"c"}"#;
        let thread = r#"object-add {"qom-type":"iothread","id":"i"}"#;
        check(&["+object-add", "+*"], &[thread], &[monitor, human, "object-add {\"qom-type\":1}"]);
        check(&["-stop"], &[thread], &[monitor]);
        check(&["+object-add", "+monitor-qmp"], &[monitor, thread], &[human]);
        check(&["+monitor-qmp"], &[], &[monitor]);
        // A later QEMU may have more of them.
        check(&["+object-add"], &[], &[r#"object-add {"qom-type":"monitor-x"}"#]);
    }
}
