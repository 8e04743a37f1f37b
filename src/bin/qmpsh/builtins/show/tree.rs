//! The model of every view: entries, and what hangs on them.

use serde_json::Value;

use qmpsh::schema::nearest;

/// How many names the message about an unknown one suggests.
const SUGGESTED: usize = 5;

/// How a value is written in a tree.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    /// As it is.
    Text,
    /// As it is, if nothing hangs on the entry.
    Leaf,
    /// A number of bytes, as `1.5 GiB`.
    Bytes,
    /// A number in hexadecimal.
    Hex,
    /// This text in place of `true`.
    Flag(&'static str),
    /// The value behind this text.
    After(&'static str),
    /// The value before this text.
    Before(&'static str),
    /// A number of bytes behind this text.
    BytesAfter(&'static str),
}

/// A column of a tree: its heading, and which members of an entry it shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) shows: &'static [(&'static str, Format)],
}

/// One thing that a view shows.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// What it is, such as `node`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Further names under which a user can ask for it.
    pub(super) aliases: Vec<String>,
    /// What is known of it, in the order of the JSON form.
    pub(super) members: Vec<(&'static str, Value)>,
    pub(super) children: Vec<Child>,
    /// Its children are drawn only if the user named it.
    pub(super) is_folded: bool,
}

/// What hangs on an entry: the number of another one, and what that is to it, such as `backing`.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) role: Option<String>,
    pub(super) entry: usize,
}

impl Entry {
    pub(super) fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), ..Self::default() }
    }

    /// Adds a member, unless its value is null.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.members.push((key, value));
        }
        self
    }

    /// Adds a member that is true, or none.
    pub(super) fn flag(self, key: &'static str, value: bool) -> Self {
        self.with(key, value.then_some(true))
    }

    /// Adds another name.
    pub(super) fn alias(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !name.is_empty() && name != self.name && !self.aliases.contains(&name) {
            self.aliases.push(name);
        }
        self
    }

    /// Returns true if a column shows this member of it.
    pub(super) fn has_in_column(&self, columns: &[Column], key: &str) -> bool {
        columns.iter().flat_map(|column| column.shows).any(|(shown, format)| *shown == key && self.shows(*format))
    }

    /// Returns true if a value of this kind is shown for it.
    pub(super) fn shows(&self, format: Format) -> bool {
        !matches!(format, Format::Leaf) || self.children.is_empty()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }
}

/// Entries and what hangs on them. An entry may hang on several others; an invalid reply can even have cycles.
#[derive(Debug)]
pub(super) struct Tree {
    /// The heading of the names.
    pub(super) title: &'static str,
    /// The most important first. The last one may take lines of its own.
    pub(super) columns: &'static [Column],
    pub(super) entries: Vec<Entry>,
    /// The entries to begin with. Others that hang on nothing follow.
    pub(super) roots: Vec<usize>,
    /// What the user should know besides.
    pub(super) notes: Vec<String>,
    /// The entries that the user named.
    named: Option<Vec<usize>>,
}

/// One step of a walk through a tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Visit<'t> {
    pub(super) entry: usize,
    pub(super) role: Option<&'t str>,
    pub(super) depth: usize,
    /// It is the last one that hangs on its parent.
    pub(super) is_last: bool,
    /// It came before, with what hangs on it.
    pub(super) is_repeated: bool,
    /// The user named it.
    pub(super) is_named: bool,
}

impl Tree {
    pub(super) fn new(title: &'static str, columns: &'static [Column]) -> Self {
        Self { title, columns, entries: Vec::new(), roots: Vec::new(), notes: Vec::new(), named: None }
    }

    /// Adds an entry, and returns its number.
    pub(super) fn add(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// Adds an entry to begin with.
    pub(super) fn add_root(&mut self, entry: Entry) -> usize {
        let entry = self.add(entry);
        self.roots.push(entry);
        entry
    }

    /// Adds an entry that hangs on another one.
    pub(super) fn add_child(&mut self, parent: usize, entry: Entry) -> usize {
        let entry = self.add(entry);
        self.hang(parent, None, entry);
        entry
    }

    /// Hangs one entry on another.
    pub(super) fn hang(&mut self, parent: usize, role: Option<String>, entry: usize) {
        self.entries[parent].children.push(Child { role, entry });
    }

    /// Notes that a reply was longer than what is shown.
    pub(super) fn note_left_out(&mut self, count: u64, what: &str) {
        if count > 0 {
            self.notes.push(format!("{count} more {what} are not shown"));
        }
    }

    /// Limits the tree to the entries of this name and what hangs on them.
    ///
    /// # Errors
    /// No entry has the name; the error has the nearest names there are.
    pub(super) fn name(&mut self, what: &str) -> Result<(), Vec<String>> {
        let is_named = |entry: &Entry| entry.names().any(|name| name == what);
        let named: Vec<usize> = (0..self.entries.len()).filter(|n| is_named(&self.entries[*n])).collect();
        if named.is_empty() {
            return Err(self.suggestions(what));
        }
        self.named = Some(named);
        Ok(())
    }

    /// Adds to what was named what it hangs on.
    pub(super) fn add_users(&mut self) {
        for entry in self.named.clone().unwrap_or_default() {
            let users = self.users(entry);
            if !users.is_empty() {
                self.entries[entry].members.push(("used-by", users.join(", ").into()));
            }
        }
    }

    /// Returns the names of what an entry hangs on, with its role there: `backing of top`.
    fn users(&self, entry: usize) -> Vec<String> {
        let role_in = |user: &Entry| {
            let child = user.children.iter().find(|child| child.entry == entry)?;
            Some(child.role.as_ref().map_or_else(|| user.name.clone(), |role| format!("{role} of {}", user.name)))
        };
        self.entries.iter().filter_map(role_in).filter(|name| !name.is_empty()).collect()
    }

    /// Returns the names nearest to this one, or else the first ones there are.
    fn suggestions(&self, what: &str) -> Vec<String> {
        let names = || self.entries.iter().flat_map(Entry::names).filter(|name| !name.is_empty());
        let mut found: Vec<String> = Vec::new();
        let parts = names().filter(|name| what.len() >= 2 && name.contains(what));
        for name in nearest(what, names()).into_iter().chain(parts) {
            if found.len() < SUGGESTED && !found.iter().any(|other| other == name) {
                found.push(name.to_owned());
            }
        }
        if found.is_empty() {
            let first = self.walk(true).into_iter().map(|visit| &self.entries[visit.entry].name);
            found.extend(first.filter(|name| !name.is_empty()).take(SUGGESTED).cloned());
        }
        found
    }

    /// Goes through all entries, from the roots down. An entry that came before is visited again where it hangs, but not what hangs
    /// on it. `folds` leaves out what hangs on folded entries.
    pub(super) fn walk(&self, folds: bool) -> Vec<Visit<'_>> {
        let mut walk = Walk { tree: self, folds, seen: vec![false; self.entries.len()], visits: Vec::new() };
        match &self.named {
            Some(named) => named.iter().for_each(|entry| walk.from(*entry, true)),
            None => {
                self.roots.iter().for_each(|entry| walk.from(*entry, false));
                let mut hangs = vec![false; self.entries.len()];
                for child in self.entries.iter().flat_map(|entry| &entry.children) {
                    hangs[child.entry] = true;
                }
                (0..self.entries.len()).filter(|n| !hangs[*n]).for_each(|entry| walk.from(entry, false));
                // What is left hangs on itself.
                let is_reached = walk.reached();
                (0..self.entries.len()).filter(|n| !is_reached[*n]).for_each(|entry| walk.from(entry, false));
            }
        }
        walk.visits
    }
}

struct Walk<'t> {
    tree: &'t Tree,
    folds: bool,
    seen: Vec<bool>,
    visits: Vec<Visit<'t>>,
}

impl Walk<'_> {
    /// Visits an entry as a root, unless it was visited, and what hangs on it. Does not recurse: a reply may be deep.
    fn from(&mut self, root: usize, is_named: bool) {
        if std::mem::replace(&mut self.seen[root], true) {
            return;
        }
        let visit = |entry, role, depth, is_last, is_repeated, is_named| Visit {
            entry,
            role,
            depth,
            is_last,
            is_repeated,
            is_named,
        };
        self.visits.push(visit(root, None, 0, true, false, is_named));
        let mut path = vec![(root, 0)];
        while let Some((parent, next)) = path.last_mut() {
            let entry = &self.tree.entries[*parent];
            let is_folded = self.folds && entry.is_folded && !(is_named && *parent == root);
            let Some(child) = entry.children.get(*next).filter(|_| !is_folded) else {
                path.pop();
                continue;
            };
            *next += 1;
            let is_last = *next == entry.children.len();
            let is_repeated = std::mem::replace(&mut self.seen[child.entry], true);
            let depth = path.len();
            self.visits.push(visit(child.entry, child.role.as_deref(), depth, is_last, is_repeated, false));
            if !is_repeated {
                path.push((child.entry, 0));
            }
        }
    }

    /// Returns which entries were visited, or hang on those that were.
    fn reached(&self) -> Vec<bool> {
        let mut reached = self.seen.clone();
        let mut left: Vec<usize> = (0..reached.len()).filter(|n| reached[*n]).collect();
        while let Some(entry) = left.pop() {
            for child in &self.tree.entries[entry].children {
                if !std::mem::replace(&mut reached[child.entry], true) {
                    left.push(child.entry);
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with these edges; roots are those without a parent.
    fn tree(names: &[&str], edges: &[(usize, usize)]) -> Tree {
        let mut tree = Tree::new("NAME", &[]);
        for name in names {
            tree.add(Entry::new("node", *name));
        }
        for (parent, child) in edges {
            tree.hang(*parent, None, *child);
        }
        tree
    }

    fn shown(tree: &Tree) -> Vec<(&str, usize, bool)> {
        let visits = tree.walk(true);
        visits.iter().map(|visit| (&*tree.entries[visit.entry].name, visit.depth, visit.is_repeated)).collect()
    }

    #[test]
    fn a_walk_visits_each_edge_once() {
        let check = |edges: &[(usize, usize)], expected: &[(&str, usize, bool)]| {
            assert_eq!(shown(&tree(&["a", "b", "c"], edges)), expected);
        };
        check(&[], &[("a", 0, false), ("b", 0, false), ("c", 0, false)]);
        check(&[(0, 1), (1, 2)], &[("a", 0, false), ("b", 1, false), ("c", 2, false)]);
        check(&[(0, 2), (1, 2)], &[("a", 0, false), ("c", 1, false), ("b", 0, false), ("c", 1, true)]);
        check(&[(2, 1), (1, 0)], &[("c", 0, false), ("b", 1, false), ("a", 2, false)]);
    }

    #[test]
    fn cycles_end() {
        let check = |edges: &[(usize, usize)], expected: &[(&str, usize, bool)]| {
            assert_eq!(shown(&tree(&["a", "b"], edges)), expected);
        };
        check(&[(0, 0)], &[("b", 0, false), ("a", 0, false), ("a", 1, true)]);
        check(&[(0, 1), (1, 0)], &[("a", 0, false), ("b", 1, false), ("a", 2, true)]);
    }

    #[test]
    fn a_chain_may_be_longer_than_the_stack() {
        let names = vec!["n"; 1_000_000];
        let edges: Vec<_> = (1..names.len()).map(|n| (n - 1, n)).collect();
        let tree = tree(&names, &edges);
        assert_eq!(tree.walk(true).last().map(|visit| visit.depth), Some(names.len() - 1));
    }

    #[test]
    fn a_named_entry_comes_with_what_hangs_on_it() {
        let mut tree = tree(&["disk0", "top", "base"], &[(0, 1), (1, 2)]);
        tree.entries[1].aliases.push("/path".to_owned());
        tree.entries[1].is_folded = true;
        assert_eq!(shown(&tree), [("disk0", 0, false), ("top", 1, false)]);
        assert_eq!(tree.walk(false).len(), 3);
        tree.name("/path").unwrap();
        assert_eq!(shown(&tree), [("top", 0, false), ("base", 1, false)]);
        let check = |what: &str, expected: &[&str]| assert_eq!(tree.suggestions(what), expected, "{what}");
        check("disk1", &["disk0"]);
        check("is", &["disk0"]);
        check("nothing", &["top", "base"]);
    }
}
