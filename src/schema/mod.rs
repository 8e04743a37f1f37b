//! What a peer can do, as `query-qmp-schema` tells it: commands, events, and the types of what they take and give. No I/O.
//!
//! `read` makes the model of the reply's bytes, `types` is the model, `walk` finds the type at a path of keys, given what the tags
//! of unions say, `describe` puts types into words, `reference` lists all that is in one, and `nearest` finds what was probably meant.
//!
//! Type names are masked numbers that change from one QEMU to the next, so nothing here depends on them. Types may be recursive, and what
//! a peer sends may be anything: types refer to each other by index, and each walk has a budget.
//! Source: QEMU's `qapi/introspect.json`; docs/qmp.md, "Introspection".

mod agent;
mod describe;
mod nearest;
mod read;
mod reference;
#[cfg(test)]
pub(crate) mod sample;
mod types;
mod walk;

pub use nearest::nearest;
pub use read::SchemaError;
pub use reference::{Choice, Reference, ReferenceLine, Row};
pub use types::{Builtin, Command, EnumValue, Event, Features, Member, Object, Type, TypeId, Variant};
#[cfg(feature = "language")]
pub(crate) use walk::is_index;
pub use walk::{Step, Tag, Tags, Walk};

/// The model of one peer. The default one knows nothing.
#[derive(Debug, Default)]
pub struct Schema {
    types: Vec<Type>,
    /// Sorted by name.
    commands: Vec<Command>,
    /// Sorted by name.
    events: Vec<Event>,
    agent_version: Option<Box<str>>,
}

impl Schema {
    /// Reads the `return` of `query-qmp-schema`. What later versions add to it is left out.
    ///
    /// ```
    /// use qmpsh::schema::Schema;
    ///
    /// let schema = Schema::parse(br#"[
    ///     {"name": "stop", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
    ///     {"name": "0", "meta-type": "object", "members": []}
    /// ]"#).unwrap();
    /// assert!(schema.command("stop").is_some());
    /// ```
    pub fn parse(reply: &[u8]) -> Result<Self, SchemaError> {
        read::parse(reply)
    }

    /// Reads the `return` of a guest agent's `guest-info`: the names of its commands, and no types.
    pub fn parse_guest_info(reply: &[u8]) -> Result<Self, SchemaError> {
        agent::parse(reply)
    }

    fn new(types: Vec<Type>, mut commands: Vec<Command>, mut events: Vec<Event>) -> Self {
        commands.sort_by(|a, b| a.name.cmp(&b.name));
        events.sort_by(|a, b| a.name.cmp(&b.name));
        Self { types, commands, events, agent_version: None }
    }

    /// All commands, by name.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// All events, by name.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The version that a guest agent says it has; not safe to show as it is.
    pub fn agent_version(&self) -> Option<&str> {
        self.agent_version.as_deref()
    }

    /// How many types there are.
    pub fn type_count(&self) -> usize {
        self.types.len()
    }

    /// The command of this name.
    pub fn command(&self, name: &str) -> Option<&Command> {
        let found = self.commands.binary_search_by(|command| (*command.name).cmp(name)).ok()?;
        self.commands.get(found)
    }

    /// The event of this name.
    pub fn event(&self, name: &str) -> Option<&Event> {
        let found = self.events.binary_search_by(|event| (*event.name).cmp(name)).ok()?;
        self.events.get(found)
    }

    /// What a type is.
    pub fn get(&self, id: TypeId) -> &Type {
        self.types.get(id.0 as usize).unwrap_or(&Type::Unknown)
    }

    /// The type of a command's arguments: an object.
    pub fn arguments(&self, command: &str) -> Option<TypeId> {
        self.command(command)?.arguments
    }

    /// The type of the `data` of an action of `transaction`: an object.
    pub fn action(&self, name: &str) -> Option<TypeId> {
        let Type::Object(action) = self.get(self.action_type()?) else { return None };
        let variant = action.variants.iter().find(|variant| &*variant.case == name)?;
        let Type::Object(wrapper) = self.get(variant.ty) else { return None };
        wrapper.members.iter().find(|member| &*member.name == "data").map(|member| member.ty)
    }

    /// The names of the actions that `transaction` takes.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        let variants = match self.action_type().map(|ty| self.get(ty)) {
            Some(Type::Object(action)) => &action.variants[..],
            _ => &[],
        };
        variants.iter().map(|variant| &*variant.case)
    }

    fn action_type(&self) -> Option<TypeId> {
        let path = [Step::name("actions"), Step::key("0")];
        self.walk(self.arguments("transaction")?, &path, &|_| None).ty
    }
}
