//! `.log`: where the messages of the wire are recorded.

use std::path::PathBuf;

use super::Host;
use super::words::{Refusal, Words};

/// What `.log` makes of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Log {
    File(PathBuf),
    Off,
}

impl Log {
    /// `[FILE|off]`; `None`: it is asked for.
    pub(super) fn read(words: &mut Words<'_>) -> Result<Option<Self>, Refusal> {
        Ok(match words.next()? {
            None => None,
            Some((word, _)) if word == "off" => Some(Self::Off),
            Some((word, span)) if word.is_empty() => return Err(Refusal::new(span, "the file name is empty")),
            Some((word, _)) => Some(Self::File(PathBuf::from(word))),
        })
    }
}

/// `.log [FILE|off]`
pub(super) async fn run<H: Host>(host: &mut H, log: Option<Log>) -> Result<(), H::Stop> {
    match log {
        Some(Log::Off) => host.log().end(),
        Some(Log::File(path)) => {
            let opened = host.log().write_to(&path);
            opened.map_err(|failure| host.fail(failure.status, failure.message))?;
        }
        None => {
            let name = host.log().name().unwrap_or_else(|| "off".to_owned());
            return host.print_text(&name).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Builtin, read};
    use super::*;
    use crate::session::eval::Action;
    use qmpsh::language::syntax::{Statement, parse};

    #[test]
    fn words() {
        let log = |words: &str| {
            let Statement::Dot(dot) = parse(&format!(".log {words}")).unwrap().unwrap().statement else { panic!() };
            match read(&dot, None) {
                Ok(Action::Builtin(Builtin::Log(log))) => Ok(log),
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => Err(refusal.message),
            }
        };
        let file = |name: &str| Ok(Some(Log::File(PathBuf::from(name))));
        let check = |words: &str, expected: Result<Option<Log>, &str>| {
            assert_eq!(log(words), expected.map_err(str::to_owned), "{words}");
        };
        check("", Ok(None));
        check("off", Ok(Some(Log::Off)));
        check("./off", file("./off"));
        check("on", file("on"));
        check("\"my log\"", file("my log"));
        check("\"\"", Err("the file name is empty"));
        check("a b", Err(".log takes no more arguments"));
    }
}
