//! Errors as text for a person.

use std::error::Error;

/// Returns the messages of an error and of its causes, joined by colons. The numbers of the system's errors are left out: their
/// text says the same.
pub fn describe(error: &dyn Error) -> String {
    let mut text = message(error);
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {}", message(cause));
        source = cause.source();
    }
    text
}

/// Returns the message of an error alone, without ` (os error 2)` at its end.
pub(crate) fn message(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let number = text.rfind(" (os error ").filter(|at| text[*at..].ends_with(')'));
    if let Some(at) = number {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn errors_of_the_system_have_no_number() {
        assert_eq!(describe(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(describe(&io::Error::other("x (os error 2) y")), "x (os error 2) y");
        let within = io::Error::other(format!("cannot read x: {}", io::Error::from_raw_os_error(21)));
        assert_eq!(describe(&within), "cannot read x: Is a directory");
    }
}
