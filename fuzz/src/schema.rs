//! The model of what a peer can do.

use std::hint::black_box;

use qmpsh::schema::{Schema, Step, TypeId, nearest};
use serde_json::Value;

/// How many commands, and members of one, are looked at.
const MANY: usize = 40;

/// Checks that any schema is read or refused, and what was read can be asked everything.
pub fn check(bytes: &[u8]) {
    let mut model = None;
    let used = allocation_counter::measure(|| model = Schema::parse(bytes).ok());
    let used = usize::try_from(used.bytes_current).expect("no more is freed than was taken");
    // A few bytes can be a type or two.
    assert!(used <= 3 * bytes.len() + 4096, "{used} bytes for a message of {}", bytes.len());
    if let Some(schema) = model {
        knows_all(&schema, bytes);
        ask(&schema);
    }
    if let Ok(schema) = Schema::parse_guest_info(bytes) {
        ask(&schema);
    }
}

/// Each command and event of the message is known.
fn knows_all(schema: &Schema, bytes: &[u8]) {
    // A value that no one reads need not be UTF-8.
    let text = String::from_utf8_lossy(bytes);
    let Ok(Value::Array(entries)) = serde_json::from_str(&text) else { panic!("a schema is an array") };
    for entry in &entries {
        let Some(name) = entry["name"].as_str() else { continue };
        match entry["meta-type"].as_str() {
            Some("command") => assert!(schema.command(name).is_some(), "{name}"),
            Some("event") => assert!(schema.event(name).is_some(), "{name}"),
            _ => {}
        }
    }
}

fn ask(schema: &Schema) {
    let names = || schema.commands().iter().map(|command| &*command.name);
    black_box(nearest("query-block", names()));
    black_box(schema.actions().count());
    let of_commands = schema.commands().iter().take(MANY).map(|command| command.arguments);
    let of_events = schema.events().iter().take(MANY).map(|event| event.data);
    for ty in of_commands.chain(of_events).flatten() {
        ask_type(schema, ty);
    }
}

fn ask_type(schema: &Schema, ty: TypeId) {
    let unknown = |_: &str| None;
    black_box((schema.get(ty), schema.words(ty), schema.kind(ty), schema.enum_values(ty), schema.element(ty)));
    black_box((schema.choices(ty), schema.object(ty), schema.is_open(ty, &unknown)));
    let reference = schema.reference(ty, "c", &[]);
    for member in schema.members(ty, &unknown).into_iter().take(MANY) {
        let path = [Step::key(&member.name), Step::key("0"), Step::name("driver")];
        let walk = schema.walk(ty, &path, &|_| Some("file".into()));
        assert!(walk.known <= path.len() && walk.indices.len() == path.len());
        assert!(walk.known >= 1, "{} is a member", member.name);
    }
    black_box(reference);
}
