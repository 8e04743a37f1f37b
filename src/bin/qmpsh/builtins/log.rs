//! `.log`: the file that records all messages.

use std::path::PathBuf;

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use super::print_text;
use crate::session::{Builtin, Frontend};
use crate::status::Stop;

/// `.log [FILE|off]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Log {
    Show,
    File(PathBuf),
    Off,
}

impl Log {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        Ok(match words.next()? {
            None => Self::Show,
            Some((word, _)) if word == "off" => Self::Off,
            Some((word, span)) if word == "on" => {
                return Err(Refusal::new(span, "`.log FILE` names the file, `.log ./on` one with this name"));
            }
            Some((word, span)) if word.is_empty() => return Err(Refusal::new(span, "the file name is empty")),
            Some((word, _)) => Self::File(PathBuf::from(word)),
        })
    }
}

#[async_trait(?Send)]
impl Builtin for Log {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let log = &frontend.session().log;
        match self {
            Log::Off => log.end(),
            Log::File(path) => log.write_to(path)?,
            Log::Show => {
                let name = log.name().unwrap_or_else(|| "off".to_owned());
                return print_text(frontend, &name).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::read_line;
    use super::*;

    #[test]
    fn a_file_or_off_is_read() {
        let file = |name: &str| Ok(Log::File(PathBuf::from(name)));
        let check = |words: &str, expected: Result<Log, &str>| {
            assert_eq!(read_line(&format!(".log {words}"), Log::read), expected.map_err(str::to_owned), "{words}");
        };
        check("", Ok(Log::Show));
        check("off", Ok(Log::Off));
        check("./off", file("./off"));
        check("on", Err("`.log FILE` names the file, `.log ./on` one with this name"));
        check("./on", file("./on"));
        check("\"my log\"", file("my log"));
        check("\"\"", Err("the file name is empty"));
        check("a b", Err(".log takes no more arguments"));
    }
}
