//! The human monitor: lines for it, and its answers.

use std::borrow::Cow;

use crate::cli::Options;
use crate::output::render::{Form, Pieces, Renderer};
use qmpsh::language::hmp::{Answer, HumanMonitor};
use qmpsh::language::syntax::Dialect;
use qmpsh::message::{Reply, Request};

/// Returns the language of the first line.
pub(crate) fn dialect(options: &Options) -> Dialect {
    if options.hmp { Dialect::Hmp } else { Dialect::Qmp }
}

/// Returns the words after the address. With `-H` they are one line for the human monitor.
pub(crate) fn words(words: &[String], dialect: Dialect) -> Cow<'_, [String]> {
    let is_builtin = words.first().is_some_and(|word| word.starts_with('.'));
    let is_blank = words.iter().all(|word| word.trim().is_empty());
    match dialect {
        Dialect::Hmp if is_blank => Cow::Owned(Vec::new()),
        Dialect::Hmp if !is_builtin => Cow::Owned([&[".hmp".to_owned()], words].concat()),
        _ => Cow::Borrowed(words),
    }
}

/// Formats the reply to a command that succeeded. A line for the human monitor may have failed all the same: then the second value
/// is its error message, which is not safe for a terminal.
pub(crate) fn result(
    monitor: &mut HumanMonitor,
    renderer: Renderer,
    request: &Request,
    reply: &Reply,
) -> (Option<Pieces>, Option<String>) {
    let Some(line) = request.hmp_line() else {
        return ((!renderer.omits(reply)).then(|| renderer.reply(reply, request.own_id())), None);
    };
    let Some(answer) = reply.result().as_deref().and_then(|result| Answer::read(line, result)) else {
        return (None, Some("the human monitor's answer is not a string".to_owned()));
    };
    monitor.answered(line, &answer);
    let result = if !renderer.plain_text {
        let is_shown = renderer.form == Form::Raw || !answer.failed;
        is_shown.then(|| renderer.reply(reply, None))
    } else if answer.failed || answer.text.is_empty() {
        None
    } else {
        Some(renderer.text(&answer.text))
    };
    let failure = answer.failed.then(|| {
        let is_quoted = line.starts_with(['"', '\'']) && answer.text.starts_with("unknown command");
        let hint =
            if is_quoted { "\n  hint: leave out the quotes: the human monitor gets the line as it is" } else { "" };
        answer.text.trim_end().to_owned() + hint
    });
    (result, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line() {
        let check = |dialect: Dialect, given: &[&str], expected: &[&str]| {
            let given: Vec<String> = given.iter().copied().map(str::to_owned).collect();
            assert_eq!(*words(&given, dialect), *expected, "{given:?}");
        };
        check(Dialect::Hmp, &["info", "version"], &[".hmp", "info", "version"]);
        check(Dialect::Hmp, &["print 1 | 2"], &[".hmp", "print 1 | 2"]);
        check(Dialect::Hmp, &[".status"], &[".status"]);
        check(Dialect::Hmp, &[" ", ""], &[]);
        check(Dialect::Qmp, &["info"], &["info"]);
        check(Dialect::Qmp, &[" "], &[" "]);
    }
}
