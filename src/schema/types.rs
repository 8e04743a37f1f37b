//! The model of what a peer can do: commands, events, types.

/// What one peer can do. The default schema knows nothing.
#[derive(Debug, Default)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    /// Sorted by name.
    commands: Vec<Command>,
    /// Sorted by name.
    events: Vec<Event>,
    pub(super) agent_version: Option<Box<str>>,
}

impl Schema {
    pub(super) fn new(types: Vec<Type>, mut commands: Vec<Command>, mut events: Vec<Event>) -> Self {
        commands.sort_by(|a, b| a.name.cmp(&b.name));
        events.sort_by(|a, b| a.name.cmp(&b.name));
        Self { types, commands, events, agent_version: None }
    }

    /// Returns all commands, by name.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Returns all events, by name.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the version that a guest agent says it has; not safe to show.
    pub fn agent_version(&self) -> Option<&str> {
        self.agent_version.as_deref()
    }

    /// Returns the number of types.
    pub fn type_count(&self) -> usize {
        self.types.len()
    }

    /// Finds the command of this name.
    pub fn command(&self, name: &str) -> Option<&Command> {
        let found = self.commands.binary_search_by(|command| (*command.name).cmp(name)).ok()?;
        self.commands.get(found)
    }

    /// Finds the event of this name.
    pub fn event(&self, name: &str) -> Option<&Event> {
        let found = self.events.binary_search_by(|event| (*event.name).cmp(name)).ok()?;
        self.events.get(found)
    }

    /// Returns what a type is.
    pub fn get(&self, id: TypeId) -> &Type {
        self.types.get(id.0 as usize).unwrap_or(&Type::Unknown)
    }

    /// Returns the type of a command's arguments: an object.
    pub fn arguments(&self, command: &str) -> Option<TypeId> {
        self.command(command)?.arguments
    }
}

/// A type of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(super) u32);

/// What a type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A plain value.
    Builtin(Builtin),
    /// One of some strings.
    Enum(Vec<EnumValue>),
    /// A list of things of one type.
    Array(TypeId),
    /// An object, which may be a union.
    Object(Object),
    /// One of several types, told apart by their JSON.
    Alternate(Vec<TypeId>),
    /// The schema names it, but does not describe it.
    Unknown,
}

/// The plain types. Source: `JSONType` in QEMU's `qapi/introspect.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// A string.
    Str,
    /// An integer, of 64 bits with or without sign.
    Int,
    /// A number, with a fraction or without.
    Number,
    /// true or false.
    Bool,
    /// null.
    Null,
    /// Anything.
    Any,
}

/// The names that mark commands, members and values: `deprecated`, `unstable`, and others that say what a peer can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features(pub(super) Box<[Box<str>]>);

impl Features {
    /// Returns all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// Returns true if it will be removed.
    pub fn is_deprecated(&self) -> bool {
        self.names().any(|name| name == "deprecated")
    }

    /// Returns true if it may change at any time.
    pub fn is_unstable(&self) -> bool {
        self.names().any(|name| name == "unstable")
    }
}

/// One value of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// The string.
    pub name: Box<str>,
    /// Its marks.
    pub features: Features,
}

/// An object. A union has members that depend on a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// The members that it always has.
    pub members: Vec<Member>,
    /// The member whose value says which variant it is.
    pub tag: Option<Box<str>>,
    /// Its other members, by the value of the tag.
    pub variants: Vec<Variant>,
    /// Its marks.
    pub features: Features,
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub name: Box<str>,
    /// The type of its value.
    pub ty: TypeId,
    /// True if it may be left out.
    pub optional: bool,
    /// Its marks.
    pub features: Features,
}

/// The other members of a union, for one value of its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The value of the tag.
    pub case: Box<str>,
    /// An object with these members.
    pub ty: TypeId,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: Box<str>,
    /// Its arguments: an object. A guest agent does not say.
    pub arguments: Option<TypeId>,
    /// The type that it returns. A guest agent does not say.
    pub result: Option<TypeId>,
    /// True if it may run out-of-band.
    pub allow_oob: bool,
    /// True if it can be used: the configuration of a guest agent may disable commands.
    pub enabled: bool,
    /// True if the peer answers a success: a guest agent that shuts down does not.
    pub success_response: bool,
    /// Its marks.
    pub features: Features,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: Box<str>,
    /// Its `data`: an object.
    pub data: Option<TypeId>,
    /// Its marks.
    pub features: Features,
}
