//! The configuration file of the interactive shell. Scripts do not read it, so that they do the same everywhere.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::OutputMode;
use crate::output::color::{Style, Tint, parse_style};
use crate::session::event_filter::EventFilter;
use qmpsh::error::describe;
use qmpsh::text;

/// The longest file, in bytes.
const LONGEST: u64 = 1 << 20;

/// The settings of the configuration file. What it does not set, or not well, is `None` or empty.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) output: Option<OutputMode>,
    /// A command for `sh`; empty for none.
    pub(crate) pager: Option<String>,
    pub(crate) events: Option<EventFilter>,
    pub(crate) timing: Option<bool>,
    /// The keys of vi in place of those of Emacs.
    pub(crate) vi: bool,
    /// The line that stands for each word.
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) colors: Vec<(Tint, Style)>,
}

/// A problem, and where it is in the file.
type Problem = (Range<usize>, String);

impl Config {
    /// Reads the file of this user. Also returns warnings about it, safe for a terminal.
    pub(crate) fn load() -> (Self, Vec<String>) {
        let Some(path) = path() else { return (Self::default(), Vec::new()) };
        let shown = path.to_string_lossy();
        match read(&path) {
            Ok(Some(content)) => {
                let (config, problems) = Self::parse(&content);
                let line = |at: usize| content[..at.min(content.len())].matches('\n').count() + 1;
                let warning = |(at, why): Problem| {
                    format!("warning: {}:{}: {}", text::line(&shown), line(at.start), text::line(&why))
                };
                (config, problems.into_iter().map(warning).collect())
            }
            Ok(None) => (Self::default(), Vec::new()),
            Err(error) => {
                let warning = format!("warning: cannot read {}: {}", text::line(&shown), describe(&error));
                (Self::default(), vec![warning])
            }
        }
    }

    fn parse(content: &str) -> (Self, Vec<Problem>) {
        let mut config = Self::default();
        let mut problems = Vec::new();
        match DeTable::parse(content) {
            Ok(table) => {
                for (key, value) in table.get_ref() {
                    config.set(key.get_ref(), key.span(), value, &mut problems);
                }
            }
            // The message may have several lines.
            Err(error) => {
                let message = error.message().lines().collect::<Vec<_>>().join("; ");
                problems.push((error.span().unwrap_or_default(), format!("{message}; qmpsh ignores the file")));
            }
        }
        problems.sort_by_key(|(at, _)| at.start);
        (config, problems)
    }

    fn set(&mut self, key: &str, at: Range<usize>, value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) {
        let found = value.get_ref();
        let expected = match key {
            "output" => {
                self.output = found.as_str().and_then(OutputMode::named);
                (self.output.is_none(), "one of \"auto\", \"json\", \"pretty\", \"table\" and \"raw\"")
            }
            "pager" => {
                self.pager = match found {
                    DeValue::String(command) if !command.trim().is_empty() => Some(command.to_string()),
                    DeValue::Boolean(false) => Some(String::new()),
                    _ => None,
                };
                (self.pager.is_none(), "a command in quotes, or false")
            }
            "events" => return self.set_events(value, problems),
            "timing" => {
                self.timing = found.as_bool();
                (self.timing.is_none(), "true or false")
            }
            "edit-mode" => {
                self.vi = found.as_str() == Some("vi");
                (!self.vi && found.as_str() != Some("emacs"), "\"emacs\" or \"vi\"")
            }
            "alias" => return self.each(key, value, problems, Self::set_alias),
            "colors" => return self.each(key, value, problems, Self::set_color),
            _ => {
                let known = "output, pager, events, timing, edit-mode, [alias] and [colors]";
                return problems.push((at, format!("unknown key `{key}` (the keys are {known})")));
            }
        };
        if let (true, expected) = expected {
            problems.push((value.span(), format!("`{key}` must be {expected}")));
        }
    }

    fn set_events(&mut self, value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) {
        let wrong = || (value.span(), "`events` must be a list of patterns in quotes, or true or false".to_owned());
        let patterns = match value.get_ref() {
            DeValue::Boolean(is_on) => return self.events = Some(EventFilter::all(*is_on)),
            DeValue::Array(patterns) if !patterns.is_empty() => patterns,
            _ => return problems.push(wrong()),
        };
        let mut filter = EventFilter::all(true);
        for pattern in patterns {
            let Some(text) = pattern.get_ref().as_str() else { return problems.push(wrong()) };
            if let Err(why) = filter.add(text) {
                return problems.push((pattern.span(), format!("`events`: {why}")));
            }
        }
        self.events = Some(filter);
    }

    /// Sets each entry of a table. `set` returns what is wrong with one.
    fn each(
        &mut self,
        table: &str,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Vec<Problem>,
        set: fn(&mut Self, &str, &str) -> Result<(), String>,
    ) {
        let Some(entries) = value.get_ref().as_table() else {
            return problems.push((value.span(), format!("`{table}` must be a table: [{table}]")));
        };
        for (key, value) in entries {
            let key_text: &str = key.get_ref();
            let done = match value.get_ref().as_str() {
                Some(text) => set(self, key_text, text),
                None => Err(format!("`{key_text}` must be a text in quotes")),
            };
            if let Err(why) = done {
                problems.push((key.span(), why));
            }
        }
    }

    fn set_alias(&mut self, name: &str, line: &str) -> Result<(), String> {
        let is_word = |c: char| c.is_alphanumeric() || "-_+".contains(c);
        if name.is_empty() || !name.chars().all(is_word) {
            return Err(format!("the alias `{name}` must be of letters, digits, `-`, `_` and `+`"));
        }
        if ["help", "exit"].contains(&name) {
            return Err(format!("`{name}` is a command of qmpsh, which an alias cannot hide"));
        }
        if line.trim().is_empty() || line.contains('\n') {
            return Err(format!("the alias `{name}` must stand for one line"));
        }
        self.aliases.insert(name.to_owned(), line.trim().to_owned());
        Ok(())
    }

    fn set_color(&mut self, role: &str, style: &str) -> Result<(), String> {
        let Some(tint) = Tint::named(role) else {
            let known: Vec<_> = Tint::names().collect();
            return Err(format!("unknown color `{role}` (the colors are {})", known.join(", ")));
        };
        let Some(parsed) = parse_style(style) else {
            return Err(format!("`{style}` is not a color (use one as git does: bold red, brightblue, #ff8800, dim)"));
        };
        self.colors.push((tint, parsed));
        Ok(())
    }
}

fn path() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("qmpsh").join("config.toml"))
}

/// Reads the file; `None` if there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    // Opening a FIFO would wait.
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = String::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut content)?;
    if content.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(Some(content))
}

/// Returns a line with its alias expanded; `None` if it does not begin with one.
pub(crate) fn expand_alias(aliases: &BTreeMap<String, String>, line: &str) -> Option<String> {
    let typed = line.trim_start();
    let (word, rest) = typed.split_at(typed.find(char::is_whitespace).unwrap_or(typed.len()));
    aliases.get(word).map(|meant| format!("{meant}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let (config, problems) = Config::parse(
            r##"
            output = "table"
            pager = "less -R"
            events = ["BLOCK_*", "-RTC_CHANGE"]
            timing = true
            edit-mode = "vi"
            [alias]
            st = "query-status"
            j = ".jobs"
            [colors]
            key = "bold red"
            hint = "#ff8800"
            "##,
        );
        assert_eq!(problems, []);
        let mut events = EventFilter::all(true);
        events.add("BLOCK_*").unwrap();
        events.add("-RTC_CHANGE").unwrap();
        let alias = |name: &str, line: &str| (name.to_owned(), line.to_owned());
        let color = |tint, style| (tint, parse_style(style).unwrap());
        let expected = Config {
            output: Some(OutputMode::Table),
            pager: Some("less -R".into()),
            events: Some(events),
            timing: Some(true),
            vi: true,
            aliases: [alias("st", "query-status"), alias("j", ".jobs")].into(),
            colors: vec![color(Tint::Hint, "#ff8800"), color(Tint::Key, "bold red")],
        };
        let sorted = |mut config: Config| {
            config.colors.sort_by_key(|(tint, _)| std::cmp::Reverse(*tint as usize));
            config
        };
        assert_eq!(sorted(config), expected);
        let (config, problems) = Config::parse("pager = false\nevents = false\nedit-mode = 'emacs'\ntiming = false");
        let (pager, events) = (Some(String::new()), Some(EventFilter::all(false)));
        assert_eq!(problems, []);
        assert_eq!(config, Config { pager, events, timing: Some(false), ..Config::default() });
        assert_eq!(Config::parse(""), (Config::default(), vec![]));
    }

    #[test]
    fn a_bad_value_is_a_problem_with_its_place_and_the_rest_is_read() {
        let check = |line: &str, expected: &str| {
            let content = format!("timing = true\n{line}\n");
            let (config, problems) = Config::parse(&content);
            assert_eq!(config, Config { timing: Some(true), ..Config::default() }, "{line}");
            let [(at, why)] = &problems[..] else { panic!("{line}: {problems:?}") };
            assert!(why.starts_with(expected), "{line}: {why}");
            assert!(at.start >= content.find('\n').unwrap(), "{line}: {at:?}");
        };
        check("color = 'x'", "unknown key `color` (the keys are output, ");
        check("output = 'xml'", "`output` must be one of \"auto\", ");
        check("output = 1", "`output` must be one of");
        check("pager = true", "`pager` must be a command in quotes, or false");
        check("pager = ' '", "`pager` must be");
        check("events = []", "`events` must be a list of patterns");
        check("events = ['A', 1]", "`events` must be a list of patterns");
        check("events = ['[A']", "`events`: bad pattern `[A`");
        check("edit-mode = 'nano'", "`edit-mode` must be \"emacs\" or \"vi\"");
        check("alias = 'x'", "`alias` must be a table: [alias]");
        check("alias.st = 1", "`st` must be a text in quotes");
        check("alias.'.st' = 'x'", "the alias `.st` must be of letters");
        check("alias.'a b' = 'x'", "the alias `a b` must be of letters");
        check("alias.help = 'x'", "`help` is a command of qmpsh");
        check("alias.st = \"a\\nb\"", "the alias `st` must stand for one line");
        check("colors.keys = 'red'", "unknown color `keys` (the colors are key, string, number, literal, error, ");
        check("colors.key = 'orange'", "`orange` is not a color (use one as git does");
    }

    #[test]
    fn a_file_that_is_not_toml_is_ignored() {
        let (config, problems) = Config::parse("timing = true\noutput = \"table\nx");
        assert_eq!(config, Config::default());
        let [(at, why)] = &problems[..] else { panic!("{problems:?}") };
        assert!(at.start > 13 && why.ends_with("; qmpsh ignores the file"), "{problems:?}");
    }
}
