//! `.show qom`: objects below a path of the object model, and where their links lead.

use super::tree::{Column, Entry, Format, Tree};
use crate::output::natural;
use crate::session::queries::{Listed, within};

const COLUMNS: &[Column] = &[
    Column { title: "TYPE", shows: &[("type", Format::Text)] },
    Column { title: "LINK", shows: &[("target", Format::After("-> "))] },
];

/// How many entries there may be.
const MOST: usize = 2_000;

/// The objects below a path, which are listed level by level.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) tree: Tree,
    /// The objects of the last level, whose children are not listed yet: their numbers and paths.
    unlisted: Vec<(usize, String)>,
    /// The links whose targets are not known yet: their numbers, and the paths and names of the properties.
    links: Vec<(usize, String, String)>,
    left_out: u64,
}

impl Objects {
    pub(super) fn new(path: &str) -> Self {
        let mut tree = Tree::new("PATH", COLUMNS);
        let root = tree.add_root(Entry::new("object", path).with("path", path));
        Self { tree, unlisted: vec![(root, path.to_owned())], links: Vec::new(), left_out: 0 }
    }

    /// Returns the objects to list next.
    pub(super) fn level(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.unlisted)
    }

    /// Adds what `qom-list` lists of an object.
    pub(super) fn add(&mut self, parent: usize, path: &str, mut listed: Vec<Listed>) {
        listed.sort_by(|a, b| natural::compare(&a.name, &b.name));
        for Listed { name, ty } in listed {
            let (kind, ty) = match (within("child", &ty), within("link", &ty)) {
                (Some(ty), _) => ("object", ty),
                (_, Some(ty)) => ("link", ty),
                _ => continue,
            };
            if self.tree.entries.len() >= MOST {
                self.left_out += 1;
                continue;
            }
            let own = format!("{}/{name}", path.trim_end_matches('/'));
            let entry = Entry::new(kind, name.as_str()).with("type", ty).with("path", own.as_str());
            let entry = self.tree.add_child(parent, entry);
            match kind {
                "object" => self.unlisted.push((entry, own)),
                _ => self.links.push((entry, path.to_owned(), name)),
            }
        }
    }

    /// Returns the links whose targets to ask for.
    pub(super) fn links(&mut self) -> Vec<(usize, String, String)> {
        std::mem::take(&mut self.links)
    }

    /// Notes where a link leads; nowhere, if the target is empty.
    pub(super) fn leads(&mut self, link: usize, target: &str) {
        let target = if target.is_empty() { "nothing" } else { target };
        self.tree.entries[link].members.push(("target", target.into()));
    }

    /// Ends the listing: what is below the last level is not shown.
    pub(super) fn finish(mut self, skipped: usize) -> Tree {
        self.tree.note_left_out(self.left_out, "objects");
        if skipped > 0 {
            self.tree.notes.push(format!("{skipped} objects are shown without what is below them"));
        }
        if !self.unlisted.is_empty() {
            let path = self.unlisted.iter().map(|(_, path)| path.as_str()).find(|path| !path.ends_with(']'));
            let path = path.unwrap_or(&self.unlisted[0].1);
            self.tree.notes.push(format!("Two levels are shown. For more: .show qom {path}"));
        }
        self.tree
    }
}
