//! `device_add` once more, with the type that the server expects.

use super::scalar;
use crate::json::{self, Document};
use crate::language::syntax::{Invocation, Value};
use crate::message::Request;

/// Which arguments of a `device_add` were sent as strings for want of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    names: Vec<String>,
}

impl Retry {
    /// `None` if there are none.
    pub fn of(invocation: &Invocation) -> Option<Self> {
        let Invocation::Command(command) = invocation else { return None };
        if command.name.text != "device_add" {
            return None;
        }
        let plain = command.arguments.iter().filter(|argument| matches!(argument.value, Value::Plain(_)));
        let names: Vec<String> = plain.map(|argument| argument.key.joined()).collect();
        (!names.is_empty()).then_some(Self { names })
    }

    /// The same command with one argument converted, if `desc` refuses that argument for its type and names one that its text
    /// can be. A refused command has done nothing.
    pub fn request(&self, refused: &Request, desc: &str) -> Option<Request> {
        let (name, expected) = refused_type(desc)?;
        if !self.names.iter().any(|sent| sent == name) {
            return None;
        }
        let message = Document::parse(refused.text.as_bytes()).ok()?;
        let arguments = Document::parse(message.get("arguments")?).ok()?;
        let value = arguments.get(name)?;
        let converted = convert(&json::decode(value)?, expected)?;
        let from = message.range("arguments")?.start + arguments.range(name)?.start;
        let mut request = refused.clone();
        request.text.replace_range(from..from + value.len(), &converted);
        Some(request)
    }
}

/// The parameter and the type that it should have. Source: `QERR_INVALID_PARAMETER_TYPE` in QEMU's
/// `include/qapi/qmp/qerror.h`; tried on 7.2.
pub(super) fn refused_type(desc: &str) -> Option<(&str, &str)> {
    let (name, expected) = desc.strip_prefix("Invalid parameter type for '")?.split_once("', expected: ")?;
    Some((name, expected))
}

fn convert(text: &str, expected: &str) -> Option<String> {
    match expected {
        "integer" | "int64" | "uint64" => scalar::integer(text).map(|value| value.to_string()),
        "number" if scalar::is_number(text) => Some(text.to_owned()),
        "boolean" => scalar::boolean(text).map(|value| value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::syntax::{Statement, parse};
    use crate::language::typing::{Untyped, request, tests::Files};

    /// The arguments that are sent after `desc`.
    fn again(line: &str, desc: &str) -> Option<String> {
        let Statement::Invoke(invocation) = parse(line).unwrap().unwrap().statement else { panic!("{line}") };
        let refused = request(&invocation, &Untyped, &mut Files).unwrap();
        let request = Retry::of(&invocation)?.request(&refused, desc)?;
        let text = request.text.strip_prefix(r#"{"execute":"device_add","arguments":"#).unwrap();
        Some(text.strip_suffix('}').unwrap().to_owned())
    }

    #[test]
    fn the_argument_that_was_refused_is_converted() {
        let refusal = |name: &str, expected: &str| format!("Invalid parameter type for '{name}', expected: {expected}");
        let check = |line: &str, desc: &str, expected: Option<&str>| {
            assert_eq!(again(line, desc).as_deref(), expected, "{line} {desc}");
        };
        let line = "device_add driver=nvme serial=1234 zoned.zasl=5";
        let sent = r#"{"driver":"nvme","serial":"1234","zoned.zasl":5}"#;
        check(line, &refusal("zoned.zasl", "integer"), Some(sent));
        check(line, &refusal("zoned.zasl", "uint64"), Some(sent));
        check("device_add driver=x a=0x10", &refusal("a", "integer"), Some(r#"{"driver":"x","a":16}"#));
        check("device_add driver=x a=1k b=1", &refusal("a", "integer"), Some(r#"{"driver":"x","a":1024,"b":"1"}"#));
        check("device_add driver=x a=off", &refusal("a", "boolean"), Some(r#"{"driver":"x","a":false}"#));
        check("device_add driver=x a=1.5", &refusal("a", "number"), Some(r#"{"driver":"x","a":1.5}"#));
        // What cannot be that.
        check("device_add driver=x a=1.5", &refusal("a", "integer"), None);
        check("device_add driver=x a=maybe", &refusal("a", "boolean"), None);
        check(line, &refusal("zoned.zasl", "object"), None);
        check(line, &refusal("nosuch", "integer"), None);
        check(line, "Bus 'pcie.0' does not support hotplugging", None);
        // What was a string on purpose, or had its type.
        check("device_add driver=x a=\"5\"", &refusal("a", "integer"), None);
        check("device_add driver=x a==5", &refusal("a", "integer"), None);
        check("device_add driver=x a:=true", &refusal("a", "integer"), None);
        check("device_del id=5", &refusal("id", "integer"), None);
        check(r#"{"execute":"device_add","arguments":{"a":"5"}}"#, &refusal("a", "integer"), None);
    }
}
