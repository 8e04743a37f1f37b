//! Reading the schemas of real peers.

use std::borrow::Cow;

use qmpsh::schema::{Builtin, Schema, Step, Type, TypeId};
use serde_json::Value;

use crate::support::Qemu;
use crate::support::qemu::Builder;

/// The schema as the peer sends it, and its model.
fn ask(peer: Builder) -> (Value, Schema) {
    let qemu = peer.start();
    let reply = qemu.hold().execute(r#"{"execute":"query-qmp-schema"}"#);
    let schema = Schema::parse(reply.to_string().as_bytes()).unwrap();
    (reply, schema)
}

/// Everything the peer says is in the model.
fn compare(reply: &Value, schema: &Schema) {
    let entries = reply.as_array().unwrap();
    let count = |meta_type: &str| entries.iter().filter(|entry| entry["meta-type"] == meta_type).count();
    assert_eq!(schema.commands().len(), count("command"));
    assert_eq!(schema.events().len(), count("event"));
    assert_eq!(schema.type_count(), entries.len() - count("command") - count("event"));
    for command in schema.commands() {
        let entry = entries.iter().find(|e| e["name"] == *command.name && e["meta-type"] == "command").unwrap();
        assert_eq!(command.allow_oob, entry["allow-oob"] == true, "{}", command.name);
        let features: Vec<&str> = command.features.names().collect();
        let expected = entry["features"].as_array().map_or(&[][..], |names| names);
        assert_eq!(features, expected.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>());
        let arguments = entries.iter().find(|e| e["name"] == entry["arg-type"] && e["meta-type"] == "object").unwrap();
        let Type::Object(object) = schema.get(command.arguments.unwrap()) else { panic!("{}", command.name) };
        let members = arguments["members"].as_array().unwrap();
        assert_eq!(object.members.len(), members.len());
        for (member, entry) in object.members.iter().zip(members) {
            assert_eq!(entry["name"], *member.name);
            assert_eq!(member.optional, entry.get("default").is_some(), "{} {}", command.name, member.name);
            assert_ne!(schema.get(member.ty), &Type::Unknown);
        }
        assert_eq!(object.variants.len(), arguments["variants"].as_array().map_or(0, Vec::len));
    }
}

fn at(schema: &Schema, root: TypeId, path: &str, tags: &[(&str, &'static str)]) -> Option<TypeId> {
    let steps: Vec<Step<'_>> = path.split('.').map(Step::key).collect();
    let tags = |path: &[&str]| {
        let path = path.join(".");
        tags.iter().find(|(at, _)| *at == path).map(|(_, value)| Cow::Borrowed(*value))
    };
    schema.walk(root, &steps, &tags).ty
}

#[test]
fn the_schema_of_qemu_is_read() {
    let (reply, schema) = ask(Qemu::none());
    compare(&reply, &schema);
    assert!(schema.commands().len() > 200 && schema.type_count() > 700);
    let words = |command: &str, path: &str, tags: &[(&str, &'static str)]| {
        at(&schema, schema.arguments(command).unwrap(), path, tags).map(|ty| schema.words(ty))
    };
    let check = |command: &str, path: &str, tags: &[(&str, &'static str)], expected: Option<&str>| {
        assert_eq!(words(command, path, tags).as_deref(), expected, "{command} {path}");
    };
    check("block_resize", "size", &[], Some("integer"));
    check("qom-set", "value", &[], Some("anything"));
    check("set_link", "up", &[], Some("true or false"));
    let qcow2 = [("driver", "qcow2"), ("file.driver", "file")];
    check("blockdev-add", "file", &qcow2, Some("string or object"));
    check("blockdev-add", "file.filename", &qcow2, Some("string"));
    check("blockdev-add", "file.filename", &[("driver", "qcow2"), ("file.driver", "null-co")], None);
    check("blockdev-add", "backing", &qcow2, Some("string, null or object"));
    check("blockdev-add", "cache.direct", &qcow2, Some("true or false"));
    check(
        "blockdev-add",
        "children.0.size",
        &[("driver", "quorum"), ("children.0.driver", "null-co")],
        Some("integer"),
    );
    check(
        "chardev-add",
        "backend.data.addr.data.port",
        &[("backend.type", "socket"), ("backend.data.addr.type", "inet")],
        Some("string"),
    );
    check("object-add", "size", &[("qom-type", "memory-backend-ram")], Some("integer"));
    check("netdev_add", "hostfwd.0.str", &[("type", "user")], Some("string"));
    let bitmap = schema.action("block-dirty-bitmap-add").unwrap();
    assert_eq!(Some(bitmap), schema.arguments("block-dirty-bitmap-add"));
    let run_state =
        schema.walk(schema.command("query-status").unwrap().result.unwrap(), &[Step::key("status")], &|_| None);
    let values = schema.enum_values(run_state.ty.unwrap()).unwrap();
    assert!(values.iter().any(|value| &*value.name == "guest-panicked"));
    assert_eq!(schema.event("STOP").map(|event| &*event.name), Some("STOP"));
}

/// The schema is recursive: a walk as deep as a line can be comes to its end.
#[test]
fn the_schema_of_qemu_is_read_at_any_depth() {
    let (_, schema) = ask(Qemu::none());
    let root = schema.arguments("blockdev-add").unwrap();
    let path: Vec<Step<'_>> =
        std::iter::repeat_n(Step::key("file"), 1000).chain([Step::key("detect-zeroes")]).collect();
    let walk = schema.walk(root, &path, &|_| Some(Cow::Borrowed("qcow2")));
    assert_eq!(walk.known, 1001);
    assert!(schema.words(walk.ty.unwrap()).starts_with("one of off"));
}

#[test]
fn the_schema_of_the_storage_daemon_is_read() {
    let (reply, schema) = ask(Qemu::storage_daemon());
    compare(&reply, &schema);
    assert!(schema.command("query-status").is_none() && schema.command("blockdev-add").is_some());
    let root = schema.arguments("block_resize").unwrap();
    let size = at(&schema, root, "size", &[]).unwrap();
    assert_eq!(schema.get(size), &Type::Builtin(Builtin::Int));
}
