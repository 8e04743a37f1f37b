//! A small schema for tests, with every kind of type.

use std::borrow::Cow;

use super::{Schema, Step};

pub(crate) const TEXT: &str = include_str!("sample.json");

pub(crate) fn schema() -> Schema {
    Schema::parse(TEXT.as_bytes()).unwrap()
}

/// Calls every query: a hostile schema must not make one panic or run forever.
pub(crate) fn use_every_query(schema: &Schema) {
    let no_tag = |_: &[&str]| None;
    let some_tag = |_: &[&str]| Some(Cow::Borrowed("raw"));
    let _ = schema.actions().count();
    for command in schema.commands() {
        let _ = schema.action(&command.name);
        let Some(root) = command.arguments else { continue };
        for path in [&["file", "size"][..], &["0", "0"], &["nosuch"], &["actions", "0", "data", "id"]] {
            let steps: Vec<Step<'_>> = path.iter().map(|text| Step::key(text)).collect();
            let _ = schema.walk(root, &steps, &no_tag);
            let _ = schema.walk(root, &steps, &some_tag);
        }
        for member in schema.members(root, &|_| Some("raw".into())) {
            let _ = (schema.words(member.ty), schema.enum_values(member.ty), schema.element(member.ty));
        }
        let _ = (schema.words(root), schema.enum_values(root), schema.object(root));
    }
}
