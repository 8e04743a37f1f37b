//! Hints about a command that the server refused, by the schema.
//!
//! The message that was sent is compared with the schema. So hints do not depend on the server's words, and work for
//! `KEY=VALUE`, JSON lines and transactions.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{other_names, removed};
use crate::json::Document;
use crate::language::syntax::written;
use crate::message::Request;
use crate::schema::{Builtin, Member, Object, Schema, Step, Type, TypeId, meant, most_similar, nearest};

/// The most hints, and the most names in one.
const HINTS: usize = 4;
const NAMES: usize = 10;
/// How many steps lead to the first required member of a missing object, at most.
const DEPTH: usize = 4;
/// Commands that no hint names: they make objects or load modules, which can abort a running QEMU. Source: docs/qmp.md, "Modules".
const HARMFUL: [&str; 4] = ["device-list-properties", "qom-list-properties", "qom-list-types", "x-query-virtio-status"];
/// The most bytes of a message that is compared.
const LONGEST: usize = 1 << 20;

/// Returns true if the schema can explain a refusal: it is about the command's name or its arguments, not about what the
/// command found when it ran.
///
/// Source: the messages of QEMU's `qapi/qobject-input-visitor.c`, `qapi/qmp-dispatch.c`, `block.c` and `system/qdev-monitor.c`;
/// tried on 7.2, 10.0 and 11.1.
pub fn can_teach(class: &str, desc: &str) -> bool {
    class == "CommandNotFound"
        || (class == "GenericError"
            && (desc.starts_with("Parameter '")
                || desc.starts_with("Invalid parameter")
                || desc.starts_with("Cannot find device='")
                || desc.starts_with("'node-name' must be specified")
                || desc.ends_with("' is not a valid device model name")))
}

/// Returns what the schema says about `request`, which the server refused, in sentences. Of values they have only ids and paths that
/// are no secrets; they are not safe to show.
pub fn hints(schema: &Schema, request: &Request) -> Vec<String> {
    let Some(command) = schema.command(request.command()) else {
        return unknown_command(schema, request.command()).into_iter().collect();
    };
    if !command.enabled {
        return vec![format!("the configuration of the guest agent disables `{}`", command.name)];
    }
    let Some(arguments) = command.arguments.filter(|_| request.text().len() <= LONGEST) else { return Vec::new() };
    let arguments_in = |text: &str| match serde_json::from_str::<Map<String, Value>>(text).ok()?.remove("arguments") {
        Some(Value::Object(given)) => Some(given),
        _ => Some(Map::new()),
    };
    let (Some(sent), Some(given)) = (arguments_in(request.text()), arguments_in(&request.masked(request.text())))
    else {
        return Vec::new();
    };
    let is_hidden =
        |(name, value): &(&String, &Value)| value.is_string() && sent.get(*name).is_some_and(|sent| !sent.is_string());
    let hidden = given.iter().filter(is_hidden).map(|(name, _)| name.clone()).collect();
    let mut check = Check { schema, command: &command.name, hidden, path: Vec::new(), hints: Vec::new() };
    if let (true, Some(Value::String(driver))) = (&*command.name == "device_add", given.get("driver")) {
        check.hints.extend(removed::device(driver));
    }
    check.object(arguments, &given);
    check.hints.truncate(HINTS);
    check.hints
}

/// Says which arguments a command takes, required ones first and optional ones in brackets, or that there is no such command. `None`
/// if the schema does not describe it. The name is not safe to show.
pub fn takes(schema: &Schema, name: &str) -> Option<String> {
    let Some(command) = schema.command(name) else { return unknown_command(schema, name) };
    let mut members = schema.members(command.arguments?, &|_| None);
    if members.is_empty() {
        return Some(format!("{name} takes no arguments"));
    }
    members.sort_by_key(|member| member.optional);
    let written =
        |member: &&Member| if member.optional { format!("[{}=]", member.name) } else { format!("{}=", member.name) };
    let names: Vec<_> = members.iter().map(written).collect();
    Some(format!("{name} takes {}", cut(&names.iter().map(String::as_str).collect::<Vec<_>>())))
}

fn unknown_command(schema: &Schema, name: &str) -> Option<String> {
    if let Some(hint) = removed::command(schema, name) {
        return Some(hint);
    }
    if let Some(command) = other_names::command(schema, name) {
        return Some(format!("did you mean `{command}`?"));
    }
    let names = schema.commands().iter().map(|command| &*command.name);
    let meant = meant(name, names.filter(|name| !HARMFUL.contains(name)));
    match &meant[..] {
        [] => None,
        [one] => Some(format!("did you mean `{one}`?")),
        [one, other] => Some(format!("did you mean `{one}` or `{other}`?")),
        [one, others @ ..] if one.strip_prefix("query-") == Some(name) => {
            Some(format!("did you mean `{one}`? `{name}` is also a part of {}", cut(others)))
        }
        _ => Some(format!("`{name}` is a part of {}", cut(&meant))),
    }
}

/// Returns the arguments of a `device_add` that are objects or lists. QEMU before 9.2 ignores them without an error;
/// tried on 7.2. The names are not safe to show.
///
/// Source: docs/qmp.md, "Introspection", and `qmp_device_add` in QEMU's `system/qdev-monitor.c`, which went by way of `QemuOpts`
/// until then.
pub fn nested_properties(request: &Request) -> Vec<String> {
    if request.command() != "device_add" {
        return Vec::new();
    }
    let arguments = Document::parse(request.text().as_bytes()).ok().and_then(|message| message.slice("arguments"));
    let Some(Ok(arguments)) = arguments.as_deref().map(Document::parse) else { return Vec::new() };
    let nested = arguments.members().filter(|(_, value)| value.starts_with(b"{") || value.starts_with(b"["));
    nested.map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect()
}

/// The comparison of a command with the schema.
struct Check<'s> {
    schema: &'s Schema,
    command: &'s str,
    /// The arguments of which the mask, a string, hides what they are.
    hidden: Vec<String>,
    path: Vec<String>,
    hints: Vec<String>,
}

impl<'s> Check<'s> {
    /// Checks the members of an object. It recurses no deeper than `serde_json` reads.
    fn object(&mut self, ty: TypeId, given: &Map<String, Value>) {
        let written = given;
        let moved = self.move_up(ty, given);
        let given = moved.as_ref().unwrap_or(given);
        let tag_of = |tag: &str| tag_in(given, tag);
        let members = self.schema.members(ty, &tag_of);
        let is_open = self.schema.is_open(ty, &tag_of)
            // `device_add` takes any property of the device.
            || (self.command == "device_add" && self.path.is_empty());
        let is_known = |name: &str| members.iter().any(|member| *member.name == *name);
        // What was written a level too high is missing below.
        let belongs: Vec<_> = given
            .keys()
            .filter(|name| !is_open && !is_known(name))
            .filter_map(|name| Some((name, self.inside(&members, given, name)?)))
            .collect();
        let is_written = |member: &Member| belongs.iter().any(|(_, (of, _))| **of == *member.name);
        let missing: Vec<&Member> = members
            .iter()
            .filter(|member| !member.optional && !given.contains_key(&*member.name) && !is_written(member))
            .copied()
            .collect();
        if !missing.is_empty() {
            let words = missing.iter().take(NAMES).map(|member| match self.fitting_cases(ty, member, given)[..] {
                [] => self.missing(member),
                [case] => format!("`{}={case}`", self.at(&member.name)),
                ref cases => format!("`{}` (one of {})", self.at(&member.name), cut(cases)),
            });
            let words: Vec<_> = words.collect();
            self.hints.push(format!("missing: {}", words.join(", ")));
        }
        for (name, value) in given {
            match members.iter().find(|member| *member.name == **name) {
                // One that moved was typed without the schema.
                Some(_) if self.path.is_empty() && self.hidden.contains(name) => {}
                Some(member) if written.contains_key(name) => self.within(name.clone(), member.ty, value),
                Some(_) => {}
                None if is_open => {}
                None => {
                    let place = belongs.iter().find(|(of, _)| *of == name).map(|(_, (_, place))| place.as_str());
                    self.unknown(name, &members, place);
                }
            }
        }
    }

    /// Describes a member that is missing, and how to write it.
    fn missing(&self, member: &Member) -> String {
        let path = self.at(&member.name);
        if let Type::Object(_) = self.schema.get(member.ty) {
            return match self.first_required(member.ty, &path, DEPTH) {
                Some(inner) => format!("`{path}` (object: {inner}=…)"),
                None => format!("`{path}` (object; `{path}={{}}` is enough)"),
            };
        }
        format!("`{path}` ({})", self.schema.short_words(member.ty, NAMES))
    }

    /// Returns the values of a missing tag with which the object takes all that is given; none if all that is given is taken anyway.
    fn fitting_cases(&self, ty: TypeId, member: &Member, given: &Map<String, Value>) -> Vec<&'s str> {
        let is_tag = |object: &&Object| object.tag.as_deref() == Some(&*member.name);
        let Some(object) = self.schema.object(ty).filter(is_tag) else { return Vec::new() };
        let takes = |members: &[&Member], name: &str| members.iter().any(|member| *member.name == *name);
        let base: Vec<&Member> = object.members.iter().collect();
        let special: Vec<&String> = given.keys().filter(|name| !takes(&base, name)).collect();
        if special.is_empty() {
            return Vec::new();
        }
        let fits = |case: TypeId| {
            let members = self.schema.members(case, &|_| None);
            special.iter().all(|name| takes(&members, name))
        };
        object.variants.iter().filter(|variant| fits(variant.ty)).map(|variant| &*variant.case).collect()
    }

    /// Returns the path of the first required member in an object; `None` if the object can be empty.
    fn first_required(&self, ty: TypeId, path: &str, depth: usize) -> Option<String> {
        let member = self.schema.object(ty)?.members.iter().find(|member| !member.optional)?;
        let path = format!("{path}.{}", member.name);
        let is_object = depth > 0 && matches!(self.schema.get(member.ty), Type::Object(_));
        let inner = if is_object { self.first_required(member.ty, &path, depth - 1) } else { None };
        Some(inner.unwrap_or(path))
    }

    /// Moves the members of an unknown object to where they belong: QEMU once took `props` in `object-add` and `options` in
    /// `blockdev-add`.
    fn move_up(&mut self, ty: TypeId, given: &Map<String, Value>) -> Option<Map<String, Value>> {
        let known = self.schema.members(ty, &|tag| tag_in(given, tag));
        let (name, inner) = given.iter().find_map(|(name, value)| {
            let inner = value.as_object().filter(|inner| !inner.is_empty())?;
            known.iter().all(|member| *member.name != **name).then_some((name, inner))
        })?;
        let mut moved = given.clone();
        moved.remove(name);
        for (name, value) in inner {
            moved.entry(name).or_insert_with(|| value.clone());
        }
        let members = self.schema.members(ty, &|tag| tag_in(&moved, tag));
        let is_member = |name: &String| members.iter().any(|member| *member.name == **name);
        if !inner.keys().any(is_member) || is_member(name) {
            return None;
        }
        let names: Vec<_> = inner
            .keys()
            .filter(|name| is_member(name))
            .take(NAMES)
            .map(|name| format!("{}=…", self.at(name)))
            .collect();
        self.hints.push(format!(
            "{} has no argument `{name}`; its members moved up: {}",
            self.place(),
            names.join(", ")
        ));
        Some(moved)
    }

    /// Finds the member, required ones first, that has a member `name` itself, and returns its name and how to write that.
    fn inside(&self, members: &[&'s Member], given: &Map<String, Value>, name: &str) -> Option<(&'s str, String)> {
        let mut members = members.to_vec();
        members.sort_by_key(|member| member.optional);
        members.into_iter().find_map(|member| {
            let path = self.at(&member.name);
            if self.schema.element(member.ty).is_some() && !given.contains_key(&*member.name) {
                let element = self.schema.object(self.schema.element(member.ty)?)?;
                let is_there = element.members.iter().any(|member| *member.name == *name);
                return is_there.then(|| (&*member.name, format!("`{path}.0.{name}`")));
            }
            self.schema.object(member.ty)?;
            let inner = given.get(&*member.name).and_then(Value::as_object);
            let tag_of = |tag: &str| tag_in(inner?, tag);
            self.schema.step(member.ty, Step::name(name), &tag_of)?;
            let how = match (self.is_file(member.ty, &path), name) {
                (true, "filename") if inner.is_none() => format!("`{path}.driver=file {path}.filename=…`"),
                _ => format!("`{path}.{name}`"),
            };
            Some((&*member.name, how))
        })
    }

    /// Returns true if `path` is where a format takes the file that it is in.
    fn is_file(&self, ty: TypeId, path: &str) -> bool {
        let name = path.rsplit('.').next().unwrap_or(path);
        let members = self.schema.members(ty, &|_| Some("file".into()));
        matches!(name, "file" | "data-file") && members.iter().any(|member| &*member.name == "filename")
    }

    /// Adds a hint about an argument that does not exist; `belongs` is how to write it where it does.
    fn unknown(&mut self, name: &str, members: &[&Member], belongs: Option<&str>) {
        if let Some(hint) = removed::argument(self.command, &self.at(name)) {
            self.hints.push(hint);
            return;
        }
        let place = self.place();
        let names = || members.iter().map(|member| &*member.name);
        let meant = meant(name, names());
        let hint = match (belongs, &meant[..]) {
            (Some(path), _) => format!("did you mean {path}?"),
            (None, [one]) => format!("did you mean `{}`?", self.at(one)),
            (None, [one, other]) => format!("did you mean `{}` or `{}`?", self.at(one), self.at(other)),
            _ if members.is_empty() => "it takes none".to_owned(),
            _ => format!("it has {}", listed(name, names())),
        };
        self.hints.push(format!("{place} has no argument `{name}`; {hint}"));
    }

    /// Returns the name of what has the arguments at the path.
    fn place(&self) -> String {
        if self.path.is_empty() { self.command.to_owned() } else { format!("`{}`", self.path.join(".")) }
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
                (Type::Builtin(Builtin::Str), Value::String(text)) => self.path_for_node(ty, text),
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
            let listed = listed(text, names());
            let name = path.rsplit('.').next().unwrap_or_default();
            self.hints.push(match (removed::value(name, text), nearest(text, names())) {
                (Some(removed), _) => format!("`{path}`: {removed}"),
                (None, Some(name)) => format!("`{path}`: did you mean `{name}`? It is one of {listed}"),
                (None, None) => format!("`{path}` is one of {listed}"),
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
            _ => self.how_to_write(ty, &path, value),
        };
        let words = self.schema.short_words(ty, NAMES);
        let article = match self.schema.get(ty) {
            Type::Builtin(Builtin::Int) | Type::Object(_) => "an ",
            Type::Builtin(Builtin::Str | Builtin::Number) | Type::Array(_) => "a ",
            _ => "",
        };
        self.hints.push(format!("`{path}` takes {article}{words}{how}"));
    }

    /// Adds a hint about a path where QEMU takes the name of a node: no name has a slash.
    fn path_for_node(&mut self, ty: TypeId, text: &str) {
        let path = self.path.join(".");
        let name = path.rsplit('.').next().unwrap_or_default();
        let takes_options = self.schema.object(ty).is_some_and(|object| object.tag.as_deref() == Some("driver"));
        let takes_name = matches!(name, "device" | "node" | "node-name" | "overlay")
            || (name == "target" && self.command.starts_with("blockdev-"));
        if !text.contains('/') || !(takes_options || takes_name) {
            return;
        }
        self.hints.push(if self.is_file(ty, &path) {
            // A URL may have a password.
            let file = if text.contains("://") { Cow::Borrowed("…") } else { written(text) };
            format!("`{path}` takes the name of a node or its options: {path}.driver=file {path}.filename={file}")
        } else {
            format!("`{path}` takes the name of a node, not a path; blockdev-add makes a node of a file")
        });
    }

    /// Says how to write a list or an object in dotted keys.
    fn how_to_write(&self, ty: TypeId, path: &str, value: &Value) -> String {
        let Some(element) = self.schema.element(ty) else {
            return self.first_member(ty).map(|name| format!(": {path}.{name}=…")).unwrap_or_default();
        };
        let required: Vec<_> = self.schema.object(element).map_or_else(Vec::new, |object| {
            let required = object.members.iter().filter(|member| !member.optional);
            required.map(|member| format!("{path}.0.{}=…", member.name)).collect()
        });
        let is_plain = |ty: &TypeId| !matches!(self.schema.get(*ty), Type::Object(_) | Type::Array(_));
        let plain = self.schema.choices(element).iter().any(is_plain);
        match (value, self.first_member(element)) {
            (Value::String(text), inner) if plain => {
                let inner = inner.map_or_else(String::new, |inner| format!(", or {path}.0.{inner}=…"));
                format!(": {path}.0={}{inner}", Self::shown(text))
            }
            (_, Some(_)) if required.len() > 1 => format!(": {}", required.join(" ")),
            (_, Some(inner)) => format!(": {path}.0.{inner}=…, {path}.1.{inner}=…"),
            (_, None) => format!(": {path}.0=…, {path}.1=…"),
        }
    }

    /// Returns the text as it is written in a line, if it is an id, which a masked secret is not.
    fn shown(text: &str) -> String {
        let is_id = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(is_id) {
            return "…".to_owned();
        }
        text.to_owned()
    }

    fn first_member(&self, ty: TypeId) -> Option<&'s str> {
        self.schema.object(ty)?.members.first().map(|member| &*member.name)
    }

    fn at(&self, name: &str) -> String {
        self.path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }
}

/// Returns the text of the tag among the members of an object.
fn tag_in<'g>(given: &'g Map<String, Value>, tag: &str) -> Option<Cow<'g, str>> {
    given.get(tag)?.as_str().map(Cow::Borrowed)
}

/// Lists all of the names if they are few, else those that are most similar to `word`.
fn listed<'n>(word: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    if names.clone().count() > NAMES {
        cut(&most_similar(word, names, NAMES + 1))
    } else {
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Lists the first names.
fn cut(names: &[&str]) -> String {
    let more = if names.len() > NAMES { ", …" } else { "" };
    names.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::sample;

    fn check(command: &str, arguments: &str, expected: &[&str]) {
        let request = Request::new(command).with_arguments_text(arguments);
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
    fn the_arguments_of_a_command_are_listed() {
        let check =
            |name: &str, expected: Option<&str>| assert_eq!(takes(&sample::schema(), name).as_deref(), expected);
        check("resize", Some("resize takes id=, [size=], [x-fast=]"));
        check("nothing", Some("nothing takes no arguments"));
        check("cpu-add", hints(&sample::schema(), &Request::new("cpu-add")).first().map(String::as_str));
        check("no-such-command", None);
    }

    #[test]
    fn wrong_arguments_have_hints() {
        check("resize", r#"{"id":"x"}"#, &[]);
        check("resize", r#"{"id":"x","siez":1}"#, &["resize has no argument `siez`; did you mean `size`?"]);
        check("resize", r#"{"fast":true,"id":"x"}"#, &["resize has no argument `fast`; did you mean `x-fast`?"]);
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
        check("add", r#"{"filename":"x"}"#, &["missing: `driver=file`"]);
        // Any property of the device.
        check("device_add", r#"{"driver":"nvme","x":1,"zoned.zasl":"5"}"#, &[]);
        check("device_add", r#"{"x":1}"#, &["missing: `driver` (string)"]);
    }

    #[test]
    fn an_argument_a_level_too_high_is_put_where_it_belongs() {
        check(
            "add",
            r#"{"driver":"raw","filename":"x"}"#,
            &["add has no argument `filename`; did you mean `file.driver=file file.filename=…`?"],
        );
        check(
            "add",
            r#"{"driver":"raw","file":{"driver":"raw","filename":"x"}}"#,
            &["`file` has no argument `filename`; did you mean `file.file.driver=file file.file.filename=…`?"],
        );
        check("lists", r#"{"id":"x"}"#, &["lists has no argument `id`; did you mean `many.0.id`?"]);
    }

    #[test]
    fn an_argument_a_level_too_low_moves_up() {
        check(
            "resize",
            r#"{"props":{"id":"x","size":"1M"}}"#,
            &["resize has no argument `props`; its members moved up: id=…, size=…"],
        );
        check(
            "resize",
            r#"{"props":{"size":"1M"}}"#,
            &["resize has no argument `props`; its members moved up: size=…", "missing: `id` (string)"],
        );
        check(
            "add",
            r#"{"options":{"driver":"file","filename":"x"}}"#,
            &["add has no argument `options`; its members moved up: driver=…, filename=…"],
        );
        check("resize", r#"{"id":"x","props":{"y":1}}"#, &["resize has no argument `props`; it has id, size, x-fast"]);
        check("resize", r#"{"id":"x","props":{}}"#, &["resize has no argument `props`; it has id, size, x-fast"]);
    }

    #[test]
    fn a_missing_object_is_shown_as_it_is_written() {
        check("holds", "{}", &["missing: `empty` (object; `empty={}` is enough), `full` (object: full.id=…)"]);
    }

    #[test]
    fn a_path_is_no_node() {
        let file = |value: &str, expected: &[&str]| {
            check("add", &format!(r#"{{"driver":"raw","file":"{value}"}}"#), expected);
        };
        let hint = "`file` takes the name of a node or its options: file.driver=file file.filename";
        file("n0", &[]);
        file("/path", &[&format!("{hint}=/path")]);
        file("a b/c", &[&format!("{hint}=\"a b/c\"")]);
        file("https://u:p@h/x", &[&format!("{hint}=…")]);
    }

    #[test]
    fn values_of_lists_are_shown_unless_they_are_secrets() {
        let shown = |value: &str, expected: &str| {
            let expected = format!("`mixes` takes a list of (string or object): mixes.0={expected}, or mixes.0.id=…");
            check("lists", &format!(r#"{{"many":[],"mixes":"{value}"}}"#), &[&expected]);
        };
        shown("b", "b");
        shown("a b", "…");
        shown("https://u:p@h", "…");
        let expected = "`secrets` takes a list of (string or object): secrets.0=…, or secrets.0.id=…";
        check("lists", r#"{"many":[],"secrets":"b"}"#, &[expected]);
        // What is hidden has no hint that it is a string.
        check("lists", r#"{"many":[],"secrets":[5]}"#, &[]);
        check("lists", r#"{"many":[],"pairs":"b"}"#, &["`pairs` takes a list of objects: pairs.0.a=… pairs.0.b=…"]);
    }

    #[test]
    fn long_lists_are_cut_after_the_nearest() {
        let values: Vec<String> = (0..30).map(|n| format!("\"value-{n}\"")).collect();
        let text = format!(
            r#"[{{"name":"c","meta-type":"command","arg-type":"o"}},{{"name":"o","meta-type":"object","members":[
                {{"name":"e","type":"e"}}]}},{{"name":"e","meta-type":"enum","values":[{}]}}]"#,
            values.join(",")
        );
        let schema = Schema::parse(text.as_bytes()).unwrap();
        let hint = |arguments: &str| hints(&schema, &Request::new("c").with_arguments_text(arguments)).remove(0);
        let first: Vec<String> = (0..10).map(|n| format!("value-{n}")).collect();
        assert_eq!(hint("{}"), format!("missing: `e` (one of {}, …)", first.join(", ")));
        let given = hint(r#"{"e":"valu-25"}"#);
        assert!(given.starts_with("`e`: did you mean `value-25`? It is one of value-25, "), "{given}");
        assert_eq!(given.matches("value-").count(), 11);
        assert!(given.ends_with(", …"), "{given}");
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
        let request = Request::new("kinds").with_arguments_text(&format!(r#"{{"ints":[{list}]}}"#));
        assert_eq!(hints(&sample::schema(), &request).len(), HINTS);
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
            let request = Request::new(command).with_arguments_text(arguments);
            assert_eq!(nested_properties(&request), expected, "{command} {arguments}");
        };
        check("device_add", r#"{"driver":"x","a":{"b":1},"c":5,"d":[],"e":"[1]"}"#, &["a", "d"]);
        check("device_add", r#"{"driver":"x","a.b":"1"}"#, &[]);
        check("device_add", "{}", &[]);
        check("object-add", r#"{"a":{"b":1}}"#, &[]);
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
        check("GenericError", "Cannot find device='/x' nor node-name='/x'", true);
        check("GenericError", "'node-name' must be specified for the root node", true);
        check("GenericError", "'scsi-disk' is not a valid device model name", true);
        check("GenericError", "Bus 'pcie.0' does not support hotplugging", false);
        check("DeviceNotFound", "Device 'x' not found", false);
    }
}
