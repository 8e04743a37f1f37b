//! Hints about a command that the server refused, by the schema.
//!
//! The message that was sent is compared with the schema. So hints do not depend on the server's words, and work for
//! `KEY=VALUE`, JSON lines and transactions.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::json::Document;
use crate::message::Request;
use crate::schema::{Builtin, Member, Schema, Type, TypeId, nearest};

/// The most hints, and the most names in one.
const HINTS: usize = 4;
const NAMES: usize = 60;
/// The most bytes of a message that is compared.
const LONGEST: usize = 1 << 20;

/// Returns true if the schema can explain a refusal: it is about the command's name or its arguments, not about what the
/// command found when it ran.
///
/// Source: the messages of QEMU's `qapi/qobject-input-visitor.c` and `qapi/qmp-dispatch.c`; tried on 7.2.
pub fn can_teach(class: &str, desc: &str) -> bool {
    class == "CommandNotFound"
        || (class == "GenericError" && (desc.starts_with("Parameter '") || desc.starts_with("Invalid parameter")))
}

/// Returns what the schema says about `request`, which the server refused, in sentences. They have no values of
/// arguments; the names are the peer's, not safe to show.
pub fn hints(schema: &Schema, request: &Request) -> Vec<String> {
    let Some(command) = schema.command(&request.command) else {
        let names = schema.commands().iter().map(|command| &*command.name);
        return nearest(&request.command, names).map(|name| format!("did you mean `{name}`?")).into_iter().collect();
    };
    if !command.enabled {
        return vec![format!("the configuration of the guest agent disables `{}`", command.name)];
    }
    let Some(arguments) = command.arguments.filter(|_| request.text.len() <= LONGEST) else { return Vec::new() };
    let Ok(Value::Object(message)) = serde_json::from_str(&request.text) else { return Vec::new() };
    let none = Map::new();
    let given = message.get("arguments").and_then(Value::as_object).unwrap_or(&none);
    let mut check = Check { schema, command: &command.name, path: Vec::new(), hints: Vec::new() };
    check.object(arguments, given);
    check.hints.truncate(HINTS);
    check.hints
}

/// Returns the arguments of a `device_add` that are objects or lists. QEMU before 9.2 ignores them without an error;
/// tried on 7.2. The names are not safe to show.
///
/// Source: docs/qmp.md, "Introspection", and `qmp_device_add` in QEMU's `system/qdev-monitor.c`, which went by way of `QemuOpts`
/// until then.
pub fn nested_properties(request: &Request) -> Vec<String> {
    if request.command != "device_add" {
        return Vec::new();
    }
    let arguments = Document::parse(request.text.as_bytes()).ok().and_then(|message| message.slice("arguments"));
    let Some(Ok(arguments)) = arguments.as_deref().map(Document::parse) else { return Vec::new() };
    let nested = arguments.members().filter(|(_, value)| value.starts_with(b"{") || value.starts_with(b"["));
    nested.map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
}

/// The comparison of a command with the schema.
struct Check<'s> {
    schema: &'s Schema,
    command: &'s str,
    path: Vec<String>,
    hints: Vec<String>,
}

impl<'s> Check<'s> {
    /// Checks the members of an object. It recurses no deeper than `serde_json` reads.
    fn object(&mut self, ty: TypeId, given: &Map<String, Value>) {
        let tag_of = |tag: &str| given.get(tag)?.as_str().map(|text| Cow::Owned(text.to_owned()));
        let members = self.schema.members(ty, &tag_of);
        let missing: Vec<&Member> =
            members.iter().filter(|m| !m.optional && !given.contains_key(&*m.name)).copied().collect();
        if !missing.is_empty() {
            let words: Vec<_> = missing
                .iter()
                .take(NAMES)
                .map(|member| format!("`{}` ({})", self.at(&member.name), self.schema.words(member.ty)))
                .collect();
            self.hints.push(format!("missing: {}", words.join(", ")));
        }
        for (name, value) in given {
            match members.iter().find(|member| *member.name == **name) {
                Some(member) => self.within(name.clone(), member.ty, value),
                // `device_add` takes any property of the device.
                None if self.command == "device_add" && self.path.is_empty() => {}
                None if self.schema.is_open(ty, &tag_of) => {}
                None => self.unknown(name, &members),
            }
        }
    }

    fn unknown(&mut self, name: &str, members: &[&Member]) {
        let place = if self.path.is_empty() { self.command.to_owned() } else { format!("`{}`", self.path.join(".")) };
        let names = || members.iter().map(|member| &*member.name);
        let mut hint = format!("{place} has no argument `{name}`");
        if let Some(name) = nearest(name, names()) {
            let _ = write!(hint, "; did you mean `{}`?", self.at(name));
        } else if members.is_empty() {
            hint.push_str("; it takes none");
        } else {
            let _ = write!(hint, "; it has {}", listed(names()));
        }
        self.hints.push(hint);
    }

    fn within(&mut self, step: String, ty: TypeId, value: &Value) {
        self.path.push(step);
        self.value(ty, value);
        self.path.pop();
    }

    fn value(&mut self, ty: TypeId, value: &Value) {
        let choices = self.schema.choices(ty);
        let fits = |choice: &TypeId| match (self.schema.get(*choice), value) {
            (Type::Unknown | Type::Builtin(Builtin::Any), _)
            | (Type::Builtin(Builtin::Str), Value::String(_))
            | (Type::Builtin(Builtin::Bool), Value::Bool(_))
            | (Type::Builtin(Builtin::Null), Value::Null)
            | (Type::Builtin(Builtin::Number), Value::Number(_))
            | (Type::Array(_), Value::Array(_))
            | (Type::Object(_), Value::Object(_)) => true,
            (Type::Builtin(Builtin::Int), Value::Number(number)) => number.is_i64() || number.is_u64(),
            (Type::Enum(values), Value::String(text)) => values.iter().any(|value| *value.name == **text),
            _ => false,
        };
        match choices.iter().copied().find(fits) {
            None => self.misfit(ty, value),
            Some(choice) => match (self.schema.get(choice), value) {
                (Type::Array(element), Value::Array(values)) => {
                    for (n, value) in values.iter().enumerate() {
                        if self.hints.len() >= HINTS {
                            return;
                        }
                        self.within(n.to_string(), *element, value);
                    }
                }
                (Type::Object(_), Value::Object(members)) => self.object(choice, members),
                _ => {}
            },
        }
    }

    /// Adds a hint about a value that has none of its possible types.
    fn misfit(&mut self, ty: TypeId, value: &Value) {
        let path = self.path.join(".");
        let values = self.schema.enum_values(ty).filter(|_| value.is_string());
        if let (Some(values), Value::String(text)) = (values, value) {
            let names = || values.iter().map(|value| &*value.name);
            let listed = listed(names());
            self.hints.push(match nearest(text, names()) {
                Some(name) => format!("`{path}`: did you mean `{name}`? It is one of {listed}"),
                None => format!("`{path}` is one of {listed}"),
            });
            return;
        }
        let how = match self.schema.get(ty) {
            Type::Builtin(Builtin::Int) if value.as_str().is_some_and(|text| text.starts_with('0')) => {
                " without zeros in front (such as 42, 0x2a or 10G)".to_owned()
            }
            Type::Builtin(Builtin::Int) => " (such as 42, 0x2a or 10G)".to_owned(),
            Type::Builtin(Builtin::Bool) => " (also on or off, without quotes)".to_owned(),
            Type::Builtin(Builtin::Str) => format!(" (in quotes, or {path}==TEXT)"),
            _ => self.how_to_write(ty, &path),
        };
        let words = self.schema.words(ty);
        let article = match self.schema.get(ty) {
            Type::Builtin(Builtin::Int) | Type::Object(_) => "an ",
            Type::Builtin(Builtin::Str | Builtin::Number) | Type::Array(_) => "a ",
            _ => "",
        };
        self.hints.push(format!("`{path}` takes {article}{words}{how}"));
    }

    /// Says how to write a list or an object in dotted keys.
    fn how_to_write(&self, ty: TypeId, path: &str) -> String {
        if let Some(element) = self.schema.element(ty) {
            let inner = self.first_member(element).map(|name| format!(".{name}")).unwrap_or_default();
            return format!(": {path}.0{inner}=…, {path}.1{inner}=…");
        }
        match self.first_member(ty) {
            Some(name) => format!(": {path}.{name}=…"),
            None => String::new(),
        }
    }

    fn first_member(&self, ty: TypeId) -> Option<&'s str> {
        self.schema.object(ty)?.members.first().map(|member| &*member.name)
    }

    fn at(&self, name: &str) -> String {
        self.path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n str> + Clone) -> String {
    let more = if names.clone().count() > NAMES { ", …" } else { "" };
    names.take(NAMES).collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::sample;

    fn check(command: &str, arguments: &str, expected: &[&str]) {
        let text = format!(r#"{{"execute":"{command}","arguments":{arguments}}}"#);
        let request = Request { text, ..Request::new(command) };
        assert_eq!(hints(&sample::schema(), &request), expected, "{command} {arguments}");
    }

    #[test]
    fn an_unknown_command_has_a_hint() {
        check("resiez", "{}", &["did you mean `resize`?"]);
        check("qom_set", "{}", &["did you mean `qom-set`?"]);
        check("xyzzy", "{}", &[]);
        let agent = br#"{"supported_commands":[{"name":"guest-shutdown","enabled":false},{"name":"guest-ping"}]}"#;
        let agent = Schema::parse_guest_info(agent).unwrap();
        let hints = |command: &str| hints(&agent, &Request::new(command));
        assert_eq!(hints("guest-shutdown"), ["the configuration of the guest agent disables `guest-shutdown`"]);
        assert_eq!(hints("guest-pin"), ["did you mean `guest-ping`?"]);
        assert!(hints("guest-ping").is_empty());
    }

    #[test]
    fn wrong_arguments_have_hints() {
        check("resize", r#"{"id":"x"}"#, &[]);
        check("resize", r#"{"id":"x","siez":1}"#, &["resize has no argument `siez`; did you mean `size`?"]);
        check("resize", r#"{"id":"x","foo":1}"#, &["resize has no argument `foo`; it has id, size, x-fast"]);
        check("nothing", r#"{"foo":1}"#, &["nothing has no argument `foo`; it takes none"]);
        check("resize", "{}", &["missing: `id` (string)"]);
        check("add", r#"{"driver":"file"}"#, &["missing: `filename` (string)"]);
        check("add", "{}", &["missing: `driver` (one of file, raw, other)"]);
        check("add", r#"{"driver":"raw","file":{"driver":"raw"}}"#, &["missing: `file.file` (string, null or object)"]);
        check(
            "add",
            r#"{"driver":"raw","file":{"driver":"file","filename":"x","filenam":"y"}}"#,
            &["`file` has no argument `filenam`; did you mean `file.filename`?"],
        );
        // The variant is not known.
        check(
            "add",
            r#"{"driver":"fiel","filename":"x"}"#,
            &["`driver`: did you mean `file`? It is one of file, raw, other"],
        );
        check("add", r#"{"filename":"x"}"#, &["missing: `driver` (one of file, raw, other)"]);
        // Any property of the device.
        check("device_add", r#"{"driver":"nvme","x":1,"zoned.zasl":"5"}"#, &[]);
        check("device_add", r#"{"x":1}"#, &["missing: `driver` (string)"]);
    }

    #[test]
    fn wrong_values_have_hints() {
        let kinds = |arguments: &str, expected: &str| check("kinds", arguments, &[expected]);
        kinds(r#"{"int":"0123"}"#, "`int` takes an integer without zeros in front (such as 42, 0x2a or 10G)");
        kinds(r#"{"int":1.5}"#, "`int` takes an integer (such as 42, 0x2a or 10G)");
        kinds(r#"{"number":"x"}"#, "`number` takes a number");
        kinds(r#"{"bool":"on"}"#, "`bool` takes true or false (also on or off, without quotes)");
        kinds(r#"{"str":5}"#, "`str` takes a string (in quotes, or str==TEXT)");
        kinds(r#"{"null":5}"#, "`null` takes null");
        kinds(r#"{"enum":"B2"}"#, "`enum` is one of a, b, null");
        kinds(r#"{"enum":"nul"}"#, "`enum`: did you mean `null`? It is one of a, b, null");
        kinds(r#"{"enum":5}"#, "`enum` takes one of a, b, null");
        kinds(r#"{"ints":5}"#, "`ints` takes a list of integers: ints.0=…, ints.1=…");
        kinds(r#"{"ints":{"0":1,"2":2}}"#, "`ints` takes a list of integers: ints.0=…, ints.1=…");
        kinds(r#"{"ints":[1,"x"]}"#, "`ints.1` takes an integer (such as 42, 0x2a or 10G)");
        kinds(r#"{"many":"x"}"#, "`many` takes a list of objects: many.0.id=…, many.1.id=…");
        kinds(r#"{"object":"x"}"#, "`object` takes an object: object.id=…");
        kinds(r#"{"enum-or-object":5}"#, "`enum-or-object` takes one of a, b, null or object: enum-or-object.id=…");
        kinds(r#"{"mixed":1.5}"#, "`mixed` takes string, true or false, integer or null");
        check("kinds", r#"{"any":{"x":[1]},"int":18446744073709551615,"number":5,"mixed":null}"#, &[]);
        // Not every one of many mistakes.
        let list = vec!["\"x\""; 100].join(",");
        let text = format!(r#"{{"execute":"kinds","arguments":{{"ints":[{list}]}}}}"#);
        assert_eq!(hints(&sample::schema(), &Request { text, ..Request::new("kinds") }).len(), HINTS);
    }

    #[test]
    fn a_message_that_cannot_be_read_again_has_no_hints() {
        check("resize", &format!(r#"{{"id":{}{}}}"#, "[".repeat(500), "]".repeat(500)), &[]);
        check("resize", r#"{"x":1e999}"#, &[]);
        check("resize", &format!(r#"{{"x":"{}"}}"#, "y".repeat(LONGEST)), &[]);
    }

    #[test]
    fn nested_properties_of_devices_are_found() {
        let check = |command: &str, arguments: &str, expected: &[&str]| {
            let text = format!(r#"{{"execute":"{command}"{arguments}}}"#);
            let request = Request { text, ..Request::new(command) };
            assert_eq!(nested_properties(&request), expected, "{command} {arguments}");
        };
        check("device_add", r#","arguments":{"driver":"x","a":{"b":1},"c":5,"d":[],"e":"[1]"}"#, &["a", "d"]);
        check("device_add", r#","arguments":{"driver":"x","a.b":"1"}"#, &[]);
        check("device_add", "", &[]);
        check("object-add", r#","arguments":{"a":{"b":1}}"#, &[]);
    }

    #[test]
    fn refusals_of_arguments_can_be_explained() {
        let check = |class: &str, desc: &str, expected| assert_eq!(can_teach(class, desc), expected, "{desc}");
        check("CommandNotFound", "The command nosuch has not been found", true);
        check("GenericError", "Parameter 'size' is missing", true);
        check("GenericError", "Parameter 'foo' is unexpected", true);
        check("GenericError", "Parameter 'driver' does not accept value 'nosuch'", true);
        check("GenericError", "Invalid parameter type for 'size', expected: integer", true);
        check("GenericError", "Invalid parameter 'nosuch'", true);
        check("GenericError", "Bus 'pcie.0' does not support hotplugging", false);
        check("DeviceNotFound", "Device 'x' not found", false);
    }
}
