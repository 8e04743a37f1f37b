//! The parameters of tools: their JSON Schema, and the arguments that a client gave.

use rmcp::model::JsonObject;
use serde_json::{Value, json};

use super::results::OFFSET;
use qmpsh::schema::nearest;
use qmpsh::text;

/// A parameter.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) about: &'static str,
}

/// What a parameter takes.
pub(super) enum Kind {
    Text,
    /// One text or several.
    Texts,
    Seconds,
    Bytes,
    Object,
    OneOf(&'static [&'static str]),
}

/// The longest time limit, in seconds.
const LONGEST: f64 = 3600.0;

/// Makes a parameter that must be given.
pub(super) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, is_required: true, about }
}

/// Makes a parameter that may be left out.
pub(super) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, is_required: false, about }
}

/// The time limit of a wait.
pub(super) const TIMEOUT: Parameter = optional("timeout", Kind::Seconds, "How long to wait, in seconds [default: 30]");

/// Where in a long result to begin.
pub(super) const REST: Parameter =
    optional(OFFSET, Kind::Bytes, "Return the rest of the last result of the same call from this byte on");

impl Kind {
    fn schema(&self) -> Value {
        match self {
            Kind::Text => json!({ "type": "string" }),
            Kind::Texts => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            Kind::Seconds => json!({ "type": "number", "minimum": 0, "maximum": LONGEST }),
            Kind::Bytes => json!({ "type": "integer", "minimum": 0 }),
            Kind::Object => json!({ "type": "object" }),
            Kind::OneOf(values) => json!({ "type": "string", "enum": values }),
        }
    }

    fn takes(&self, value: &Value) -> bool {
        match self {
            Kind::Text => value.is_string(),
            Kind::Texts => {
                let is_list = |list: &Vec<Value>| !list.is_empty() && list.iter().all(Value::is_string);
                value.is_string() || value.as_array().is_some_and(is_list)
            }
            Kind::Seconds => value.as_f64().is_some_and(|seconds| (0.0..=LONGEST).contains(&seconds)),
            Kind::Bytes => value.is_u64(),
            Kind::Object => value.is_object(),
            Kind::OneOf(values) => value.as_str().is_some_and(|value| values.contains(&value)),
        }
    }

    fn what(&self) -> String {
        match self {
            Kind::Text => "a string".to_owned(),
            Kind::Texts => "a list of strings".to_owned(),
            Kind::Seconds => format!("a number of seconds, 0 to {LONGEST}"),
            Kind::Bytes => "a number of bytes".to_owned(),
            Kind::Object => "an object".to_owned(),
            Kind::OneOf(values) => format!("one of {}", values.join(", ")),
        }
    }
}

/// Returns the JSON Schema of parameters.
pub(super) fn schema(parameters: &[Parameter]) -> JsonObject {
    let mut properties = JsonObject::new();
    for parameter in parameters {
        let mut schema = parameter.kind.schema();
        schema["description"] = parameter.about.into();
        properties.insert(parameter.name.to_owned(), schema);
    }
    let required: Vec<_> = parameters.iter().filter(|one| one.is_required).map(|one| one.name).collect();
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

/// Arguments that fit their parameters.
pub(super) struct Arguments<'a>(&'a JsonObject);

/// Checks the arguments of a tool. The error is a sentence.
pub(super) fn read<'a>(tool: &str, parameters: &[Parameter], given: &'a JsonObject) -> Result<Arguments<'a>, String> {
    let names = || parameters.iter().map(|parameter| parameter.name);
    for (name, value) in given {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let hint = match (nearest(name, names()), names().next()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(_)) => format!("it takes {}", names().collect::<Vec<_>>().join(", ")),
                (None, None) => "it takes no arguments".to_owned(),
            };
            return Err(format!("{tool} has no parameter `{}` ({hint})", text::line(name)));
        };
        if !parameter.kind.takes(value) {
            return Err(format!("`{name}` of {tool} must be {}", parameter.kind.what()));
        }
    }
    match parameters.iter().find(|parameter| parameter.is_required && !given.contains_key(parameter.name)) {
        Some(missing) => Err(format!("`{}` of {tool} is missing: it must be {}", missing.name, missing.kind.what())),
        None => Ok(Arguments(given)),
    }
}

impl Arguments<'_> {
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            other => other.and_then(Value::as_str).into_iter().collect(),
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.0.get(name)?.as_u64().and_then(|number| number.try_into().ok())
    }

    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// Returns the call in a form that only the same call has, whatever part of the result it asks for.
    pub(super) fn key(&self, tool: &str) -> String {
        let mut arguments = self.0.clone();
        arguments.shift_remove(OFFSET);
        arguments.sort_keys();
        format!("{tool} {}", Value::from(arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked() {
        let parameters = [
            required("id", Kind::Text, ""),
            TIMEOUT,
            REST,
            optional("keys", Kind::Texts, ""),
            optional("as", Kind::OneOf(&["a", "b"]), ""),
            optional("arguments", Kind::Object, ""),
        ];
        let check = |given: Value, expected: Option<&str>| {
            let given = given.as_object().unwrap().clone();
            let error = read("t", &parameters, &given).err();
            assert_eq!(error.as_deref(), expected, "{given:?}");
        };
        check(json!({ "id": "a", "timeout": 0.5, "offset": 3, "keys": ["a"], "as": "b", "arguments": {} }), None);
        check(json!({ "id": "a", "keys": "a" }), None);
        check(json!({}), Some("`id` of t is missing: it must be a string"));
        check(json!({ "id": 1 }), Some("`id` of t must be a string"));
        check(json!({ "id": "a", "timeout": "1" }), Some("`timeout` of t must be a number of seconds, 0 to 3600"));
        check(json!({ "id": "a", "timeout": -1 }), Some("`timeout` of t must be a number of seconds, 0 to 3600"));
        check(json!({ "id": "a", "keys": [] }), Some("`keys` of t must be a list of strings"));
        check(json!({ "id": "a", "keys": [1] }), Some("`keys` of t must be a list of strings"));
        check(json!({ "id": "a", "as": "c" }), Some("`as` of t must be one of a, b"));
        check(json!({ "id": "a", "arguments": "x" }), Some("`arguments` of t must be an object"));
        check(json!({ "id": "a", "offset": -1 }), Some("`offset` of t must be a number of bytes"));
        check(json!({ "id": "a", "timeot": 1 }), Some("t has no parameter `timeot` (did you mean `timeout`?)"));
        check(
            json!({ "id": "a", "zzzzzz": 1 }),
            Some("t has no parameter `zzzzzz` (it takes id, timeout, offset, keys, as, arguments)"),
        );
    }

    #[test]
    fn a_call_is_known_again() {
        let key = |given: Value| Arguments(given.as_object().unwrap()).key("t");
        assert_eq!(key(json!({ "a": 1, "b": 2 })), key(json!({ "b": 2, "offset": 5, "a": 1 })));
        assert_ne!(key(json!({ "a": 1 })), key(json!({ "a": 2 })));
    }
}
