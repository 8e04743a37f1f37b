//! What to ask the peer before a line can be typed.

use super::arguments::{Arguments, may_be_index};
use super::scalar::could_mean_two_things;
use super::types::Place;
use crate::language::syntax::{Argument, Command, Invocation, Value};

/// What to ask the peer before a line can be typed: nothing, for most lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The schema: a value could mean two things, or a key be an index.
    pub schema: bool,
    /// The type of a property: `qom-set` sets it, and its value could mean two things.
    pub property: Option<Property>,
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The object's path.
    pub path: String,
    /// The property's name.
    pub name: String,
}

impl Needs {
    /// Returns what `invocation` needs.
    pub fn of(invocation: &Invocation) -> Self {
        let mut needs = Self::default();
        match invocation {
            Invocation::Command(command) => needs.add(command, false, &command.arguments),
            Invocation::Transaction(transaction) => {
                for action in &transaction.actions {
                    needs.add(action, true, &action.arguments);
                }
                needs.schema |= transaction.properties.iter().any(needs_type);
            }
            // Nothing in it is retyped.
            Invocation::Json(_) => {}
        }
        needs
    }

    /// Returns true if nothing needs to be asked.
    pub fn is_empty(&self) -> bool {
        !self.schema && self.property.is_none()
    }

    fn add(&mut self, command: &Command, action: bool, arguments: &[Argument]) {
        let all = Arguments::new(arguments);
        for argument in arguments {
            let place = Place { command: &command.name.text, action, key: &argument.key, arguments: &all };
            // All arguments of `device_add` are strings, or have no type.
            if place.is_device_add() || !needs_type(argument) {
                continue;
            }
            let text = |key: &str| all.text(&[key]).map(std::borrow::Cow::into_owned);
            match (place.is_property_value(), text("path"), text("property")) {
                (true, Some(path), Some(name)) => self.property = Some(Property { path, name }),
                // The schema says that it may be anything.
                (true, ..) => {}
                _ => self.schema = true,
            }
        }
    }
}

fn needs_type(argument: &Argument) -> bool {
    let indexed = argument.key.parts.iter().skip(1).any(may_be_index);
    indexed || matches!(&argument.value, Value::Plain(text) if could_mean_two_things(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::syntax::{Statement, parse};

    fn needs(text: &str) -> Needs {
        match parse(text).unwrap().remove(0).statement {
            Statement::Invoke(invocation) => Needs::of(&invocation),
            Statement::Dot(_) => panic!("a dot command"),
        }
    }

    #[test]
    fn the_schema_is_needed_only_where_it_decides() {
        let check = |text: &str, schema: bool| {
            assert_eq!(needs(text), Needs { schema, property: None }, "{text}");
        };
        check("query-status", false);
        check("device_del id=net0", false);
        check("device_del id=0", true);
        check("chardev-add id=0123 backend.type=null backend.data={}", true);
        check("chardev-add id=0123 backend.type=\"null\" backend.data={}", false);
        check("block_resize node-name=n size=10G", true);
        check("block_resize node-name=n size:=10", false);
        check("block_resize node-name=\"5\" x==5 y={\"a\":1} z=@5", false);
        check("c a.0=x", true);
        check("c a.\"0\"=x", false);
        check("c a.b.12.c=x", true);
        check("c 0.a=x a.01=x a.x0=x", false);
        check("device_add driver=nvme id=5 serial=1234 zoned.zasl=5 x.0=on", false);
        check("object-add qom-type=iothread id=i poll-max-ns=5", true);
        check(r#"{"execute":"c","arguments":{"a":1}}"#, false);
        check("transaction( a x=y )", false);
        check("transaction( a x=y ; b x=5 )", true);
        check("transaction( a x=y ) properties.x=5", true);
        check("transaction( qom-set path=/ property=p value=5 )", true);
    }

    #[test]
    fn the_property_is_needed_where_its_type_decides() {
        let check = |text: &str, schema: bool, property: Option<(&str, &str)>| {
            let property = property.map(|(path, name)| Property { path: path.into(), name: name.into() });
            assert_eq!(needs(text), Needs { schema, property }, "{text}");
        };
        check("qom-set path=/machine property=x value=0x10", false, Some(("/machine", "x")));
        check("qom-set value=on property=\"x\" path==/m", false, Some(("/m", "x")));
        check("qom-set path=/machine property=x value=text", false, None);
        check("qom-set path=/machine property=x value=\"5\"", false, None);
        check("qom-set path=/machine value=5", false, None);
        check("qom-set path=5 property=x value=5", true, Some(("5", "x")));
        check("qom-set path=/m property=x value.0=5", true, None);
        check("qom-get path=/m property=5", true, None);
    }
}
