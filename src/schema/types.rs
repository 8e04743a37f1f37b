//! The model: commands, events, types.

/// A type of a [`Schema`](super::Schema).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The schema speaks of it, and does not say what it is.
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
pub struct Features(pub(super) Vec<Box<str>>);

impl Features {
    /// All of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// Whether it will be removed.
    pub fn is_deprecated(&self) -> bool {
        self.names().any(|name| name == "deprecated")
    }

    /// Whether it may change at any time.
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

/// The members of an object; of a union also those that depend on a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// The members that it always has.
    pub members: Vec<Member>,
    /// The member whose value says which variant it is.
    pub tag: Option<Box<str>>,
    /// What it has besides, by the value of the tag.
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
    /// Whether it may be left out.
    pub optional: bool,
    /// Its marks.
    pub features: Features,
}

/// What a union has besides, for one value of its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The value of the tag.
    pub case: Box<str>,
    /// An object, whose members are those of the union too.
    pub ty: TypeId,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: Box<str>,
    /// Its arguments: an object. A guest agent does not say.
    pub arguments: Option<TypeId>,
    /// What it returns. A guest agent does not say.
    pub result: Option<TypeId>,
    /// Whether it may run out-of-band.
    pub allow_oob: bool,
    /// Whether it can be used: a guest agent's configuration may disable commands.
    pub enabled: bool,
    /// Whether a success is answered: not so for a guest agent that shuts its system down.
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
