//! Finds the type at a path of keys.

use std::borrow::Cow;
#[cfg(feature = "language")]
use std::collections::HashSet;

use super::types::{Builtin, Member, Object, Schema, Type, TypeId};

/// One part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step<'a> {
    /// The key, or the digits of an index.
    pub text: &'a str,
    /// True if it can only be a key: it was quoted.
    pub literal: bool,
}

impl<'a> Step<'a> {
    /// Returns a part that is a key in an object, and an index in a list.
    pub fn key(text: &'a str) -> Self {
        Self { text, literal: false }
    }

    /// Returns a part that is always a key.
    pub fn name(text: &'a str) -> Self {
        Self { text, literal: true }
    }
}

/// Returns the value of the tag at a path of keys, if it is known.
pub type Tags<'t> = dyn Fn(&[&str]) -> Option<Cow<'t, str>> + 't;

/// Returns the value of the tag of this name in the object at hand, if it is known.
pub type Tag<'t> = dyn Fn(&str) -> Option<Cow<'t, str>> + 't;

/// Where a path leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// The type there; `None` if the schema does not say.
    pub ty: Option<TypeId>,
    /// How many parts of the path the schema knows.
    pub known: usize,
    /// Which parts are indices of lists.
    pub indices: Vec<bool>,
    /// How many parts lead to the first value that may be anything, if there is one.
    pub any: Option<usize>,
}

/// How many types one search may look at. QEMU's own schema needs about a hundred; a hostile one has no end.
const BUDGET: usize = 20_000;
/// How many unions, or alternates, may be in one another without a key between them.
const DEPTH: usize = 8;

impl Schema {
    /// Follows `path` from the type `root`.
    ///
    /// If the tag of a union is not known, a member is found if all variants that have it agree on its type.
    pub fn walk(&self, root: TypeId, path: &[Step<'_>], tags: &Tags<'_>) -> Walk {
        let mut walk = Walk { ty: Some(root), known: 0, indices: vec![false; path.len()], any: None };
        let mut at = Vec::with_capacity(path.len() + 1);
        let mut budget = BUDGET;
        for (n, step) in path.iter().enumerate() {
            let tag = |name: &str| {
                let path: Vec<&str> = at.iter().copied().chain([name]).collect();
                tags(&path)
            };
            let mut search = Search { schema: self, tag: &tag, budget };
            let next = walk.ty.and_then(|ty| search.step(ty, *step, 0));
            budget = search.budget;
            walk.ty = next.map(|(ty, _)| ty);
            let Some((_, is_index)) = next else { break };
            walk.indices[n] = is_index;
            walk.known = n + 1;
            if walk.any.is_none() && walk.ty.is_some_and(|ty| *self.get(ty) == Type::Builtin(Builtin::Any)) {
                walk.any = Some(n + 1);
            }
            at.push(step.text);
        }
        walk
    }

    /// Returns the type one step from `ty`, and whether the step is an index; `None` if the schema does not say.
    pub fn step(&self, ty: TypeId, step: Step<'_>, tag: &Tag<'_>) -> Option<(TypeId, bool)> {
        Search { schema: self, tag, budget: BUDGET }.step(ty, step, 0)
    }

    /// Returns the members that an object can have: its own, then those of the variant that its tag names. Of an
    /// alternate, those of its object.
    pub fn members(&self, ty: TypeId, tag: &Tag<'_>) -> Vec<&Member> {
        let mut search = Search { schema: self, tag, budget: BUDGET };
        let mut members = Vec::new();
        if let Some(object) = self.object(ty) {
            search.members(object, 0, &mut members);
        }
        members
    }

    /// Returns the members that the variants of a union add, if its tag is not known; each pair of name and type once.
    #[cfg(feature = "language")]
    pub(crate) fn branch_members(&self, ty: TypeId, tag: &Tag<'_>) -> Vec<&Member> {
        let Some(object) = self.object(ty).filter(|object| self.lacks_tag(object, tag, 0)) else { return Vec::new() };
        let mut seen = HashSet::new();
        let variants = object.variants.iter().take(BUDGET).filter_map(|variant| self.object(variant.ty));
        let members = variants.flat_map(|variant| &variant.members);
        members.take(BUDGET).filter(|member| seen.insert((&member.name, member.ty))).collect()
    }

    /// Returns the object that `ty` is, or, as an alternate, can be.
    pub fn object(&self, ty: TypeId) -> Option<&Object> {
        self.choices(ty).into_iter().find_map(|ty| match self.get(ty) {
            Type::Object(object) => Some(object),
            _ => None,
        })
    }

    /// Returns the type of the elements, if `ty` is a list, or, as an alternate, can be one.
    pub fn element(&self, ty: TypeId) -> Option<TypeId> {
        self.choices(ty).into_iter().find_map(|ty| match self.get(ty) {
            Type::Array(element) => Some(*element),
            _ => None,
        })
    }

    /// Returns the types that `ty` can be: itself, if it is not an alternate.
    pub fn choices(&self, ty: TypeId) -> Vec<TypeId> {
        let mut choices = Vec::new();
        let mut budget = BUDGET;
        self.add_choices(ty, 0, &mut budget, &mut choices);
        choices
    }

    /// Returns true if the object that `ty` can be may have unknown members: it is a union whose tag has no valid value.
    pub fn is_open(&self, ty: TypeId, tag: &Tag<'_>) -> bool {
        let is_unknown = |ty: &TypeId| matches!(self.get(*ty), Type::Unknown);
        self.choices(ty).iter().any(is_unknown) || self.object(ty).is_some_and(|object| self.lacks_tag(object, tag, 0))
    }

    fn lacks_tag(&self, object: &Object, tag: &Tag<'_>, depth: usize) -> bool {
        let Some(name) = object.tag.as_deref() else { return false };
        let case = tag(name);
        let variant = object.variants.iter().find(|variant| Some(&*variant.case) == case.as_deref());
        match variant.map(|variant| self.get(variant.ty)) {
            // A variant may be a union itself; a hostile one without end.
            Some(Type::Object(object)) => depth > DEPTH || self.lacks_tag(object, tag, depth + 1),
            Some(_) => false,
            // QEMU's schema has a variant for every value, an empty one too; without one the value adds nothing.
            None => {
                let member = object.members.iter().find(|member| &*member.name == name);
                let values = member.and_then(|member| self.enum_values(member.ty)).unwrap_or_default();
                !values.iter().any(|value| Some(&*value.name) == case.as_deref())
            }
        }
    }

    fn add_choices(&self, ty: TypeId, depth: usize, budget: &mut usize, choices: &mut Vec<TypeId>) {
        match self.get(ty) {
            Type::Alternate(types) if depth < DEPTH => {
                for ty in types {
                    if *budget == 0 {
                        return;
                    }
                    *budget -= 1;
                    self.add_choices(*ty, depth + 1, budget, choices);
                }
            }
            Type::Alternate(_) => {}
            _ if choices.contains(&ty) => {}
            _ => choices.push(ty),
        }
    }

    /// Returns the type of the `data` of an action of `transaction`: an object.
    pub fn action(&self, name: &str) -> Option<TypeId> {
        let Type::Object(action) = self.get(self.action_type()?) else { return None };
        let variant = action.variants.iter().find(|variant| &*variant.case == name)?;
        let Type::Object(wrapper) = self.get(variant.ty) else { return None };
        wrapper.members.iter().find(|member| &*member.name == "data").map(|member| member.ty)
    }

    /// Returns the names of the actions that `transaction` takes.
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

/// One search, with what is left of its budget.
struct Search<'s, 'p, 't> {
    schema: &'s Schema,
    tag: &'p Tag<'t>,
    budget: usize,
}

impl<'s> Search<'s, '_, '_> {
    /// Returns the type one step further, and whether the step is an index.
    fn step(&mut self, ty: TypeId, step: Step<'_>, depth: usize) -> Option<(TypeId, bool)> {
        self.budget = self.budget.checked_sub(1)?;
        match self.schema.get(ty) {
            Type::Object(object) => self.member(object, step.text, 0).map(|member| (member.ty, false)),
            Type::Array(element) if !step.literal && is_index(step.text) => Some((*element, true)),
            Type::Alternate(types) if depth < DEPTH => {
                types.iter().find_map(|choice| self.step(*choice, step, depth + 1))
            }
            Type::Builtin(Builtin::Any) => Some((ty, false)),
            _ => None,
        }
    }

    fn member(&mut self, object: &'s Object, name: &str, depth: usize) -> Option<&'s Member> {
        self.budget = self.budget.checked_sub(1)?;
        if let Some(member) = object.members.iter().find(|member| &*member.name == name) {
            return Some(member);
        }
        let tag = object.tag.as_deref().filter(|_| depth < DEPTH)?;
        if let Some(case) = (self.tag)(tag) {
            let variant = object.variants.iter().find(|variant| *variant.case == *case)?;
            return match self.schema.get(variant.ty) {
                Type::Object(object) => self.member(object, name, depth + 1),
                _ => None,
            };
        }
        let mut found: Option<&'s Member> = None;
        for variant in &object.variants {
            let Type::Object(object) = self.schema.get(variant.ty) else { continue };
            match (found, self.member(object, name, depth + 1)) {
                (Some(one), Some(other)) if one.ty != other.ty => return None,
                (None, member) => found = member,
                _ => {}
            }
        }
        found
    }

    fn members(&mut self, object: &'s Object, depth: usize, members: &mut Vec<&'s Member>) {
        members.extend(&object.members);
        if let Some(tag) = object.tag.as_deref().filter(|_| depth < DEPTH)
            && let Some(case) = (self.tag)(tag)
            && let Some(variant) = object.variants.iter().find(|variant| *variant.case == *case)
            && let Type::Object(object) = self.schema.get(variant.ty)
        {
            self.members(object, depth + 1, members);
        }
    }
}

/// Returns true if `text` is an index: digits, without zeros in front.
pub(crate) fn is_index(text: &str) -> bool {
    let digits = !text.is_empty() && text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::sample;

    /// What a path leads to, as words; `tags` are `PATH=VALUE` with spaces between.
    fn at(path: &str, tags: &str) -> String {
        let schema = sample::schema();
        let (command, path) = path.split_once('.').unwrap_or((path, ""));
        let steps: Vec<Step<'_>> = path.split('.').filter(|part| !part.is_empty()).map(Step::key).collect();
        let tags = |path: &[&str]| {
            let path = path.join(".");
            let found = tags.split(' ').find_map(|tag| tag.strip_prefix(&path)?.strip_prefix('='))?;
            Some(Cow::Owned(found.to_owned()))
        };
        let walk = schema.walk(schema.arguments(command).unwrap(), &steps, &tags);
        let indices: Vec<_> = walk.indices.iter().enumerate().filter(|(_, is)| **is).map(|(n, _)| n).collect();
        let words = walk.ty.map_or("unknown".into(), |ty| schema.words(ty));
        if indices.is_empty() { words } else { format!("{words} {indices:?}") }
    }

    #[test]
    fn a_path_leads_to_a_type() {
        let check = |path: &str, tags: &str, expected: &str| assert_eq!(at(path, tags), expected, "{path} {tags}");
        check("resize.id", "", "string");
        check("resize.size", "", "integer");
        check("resize.nosuch", "", "unknown");
        check("resize.size.x", "", "unknown");
        check("set.value", "", "anything");
        check("set.value.a.0.b", "", "anything");
        // Lists.
        check("keys.keys", "", "list of (one of a, b, null)");
        check("keys.keys.0", "", "one of a, b, null [0]".replace("[0]", "[1]").as_str());
        check("keys.keys.12", "", "one of a, b, null [1]");
        check("keys.keys.01", "", "unknown");
        check("keys.keys.x", "", "unknown");
        check("keys.keys.0.0", "", "unknown [1]");
        // Unions: the tag tells.
        check("add.driver", "", "one of file, raw, other");
        check("add.filename", "driver=file", "string");
        check("add.filename", "driver=raw", "unknown");
        check("add.filename", "", "string");
        check("add.offset", "driver=raw", "integer");
        check("add.file", "driver=raw", "string, null or object");
        check("add.file.filename", "driver=raw file.driver=file", "string");
        check("add.file.filename", "driver=file file.driver=file", "unknown");
        check(
            "add.file.file.file.file.offset",
            "driver=raw file.driver=raw file.file.driver=raw file.file.file.driver=raw file.file.file.file.driver=raw",
            "integer",
        );
        // Variants that disagree.
        check("add.size", "driver=file", "integer");
        check("add.size", "driver=raw", "string");
        check("add.size", "", "unknown");
        // A variant the schema does not have.
        check("add.filename", "driver=nosuch", "unknown");
        check("add.node-name", "driver=nosuch", "string");
    }

    #[test]
    fn a_quoted_part_is_not_an_index() {
        let schema = sample::schema();
        let root = schema.arguments("keys").unwrap();
        let walk = schema.walk(root, &[Step::name("keys"), Step::name("0")], &|_| None);
        assert_eq!((walk.ty, walk.known, walk.indices), (None, 1, vec![false, false]));
    }

    #[test]
    fn the_tag_decides_which_members_there_are() {
        let schema = sample::schema();
        let root = schema.arguments("add").unwrap();
        let names = |tag: Option<&'static str>| -> Vec<&str> {
            schema.members(root, &move |_| tag.map(Cow::Borrowed)).iter().map(|m| &*m.name).collect()
        };
        assert_eq!(names(None), ["driver", "node-name", "detached"]);
        assert_eq!(names(Some("file")), ["driver", "node-name", "detached", "filename", "size"]);
        assert_eq!(names(Some("other")), ["driver", "node-name", "detached"]);
    }

    #[test]
    fn actions_are_the_variants_of_transaction() {
        let schema = sample::schema();
        assert_eq!(schema.actions().collect::<Vec<_>>(), ["resize"]);
        assert_eq!(schema.action("resize"), schema.arguments("resize"));
        assert_eq!(schema.action("add"), None);
    }

    #[test]
    fn a_search_in_a_hostile_schema_ends() {
        // A union that is its own variant under two cases, an alternate of itself, a list of itself.
        let text = r#"[
            {"name":"c","meta-type":"command","arg-type":"u"},
            {"name":"u","meta-type":"object","members":[{"name":"alt","type":"a"},{"name":"list","type":"l"}],"tag":"t",
             "variants":[{"case":"x","type":"u"},{"case":"y","type":"u"},{"case":"z","type":"gone"},{"case":"w","type":"a"}]},
            {"name":"a","meta-type":"alternate","members":[{"type":"a"},{"type":"a"},{"type":"a"},{"type":"a"},{"type":"u"}]},
            {"name":"l","meta-type":"array","element-type":"l"}]"#;
        let schema = Schema::parse(text.as_bytes()).unwrap();
        sample::use_every_query(&schema);
        let root = schema.arguments("c").unwrap();
        assert_eq!(schema.walk(root, &[Step::key("none")], &|_| None).ty, None);
        let path = [Step::key("list"), Step::key("0"), Step::key("0"), Step::key("0")];
        assert!(schema.walk(root, &path, &|_| None).ty.is_some());
        let path = vec![Step::key("alt"); 1000];
        assert!(schema.walk(root, &path, &|_| Some("x".into())).known > 0);
    }
}
