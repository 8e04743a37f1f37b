//! Checks that no source files import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

use super::{root, sources};

/// The files that import each other for a reason, which ARCHITECTURE.md gives.
const WITH_A_REASON: &[&[&str]] = &[
    &["src/bin/qmpsh/builtins/help/mod.rs", "src/bin/qmpsh/builtins/registry.rs"],
    &["src/bin/qmpsh/session/action.rs", "src/bin/qmpsh/session/frontend.rs"],
];

/// A path such as `["qmpsh", "json", "scanner"]`; the program's paths begin with `bin`.
type ModulePath = Vec<String>;

/// One name that a file imports, by its full path, and whether others can import it from there.
struct Import {
    path: ModulePath,
    is_public: bool,
}

struct Imports<'a> {
    module: &'a [String],
    found: Vec<Import>,
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_test(&item.attrs) {
            self.add(&item.tree, &mut Vec::new(), !matches!(item.vis, Visibility::Inherited));
        }
    }
}

impl Imports<'_> {
    fn add(&mut self, tree: &UseTree, before: &mut Vec<String>, is_public: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add(&path.tree, before, is_public);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add(item, before, is_public)),
            UseTree::Name(name) => self.push(before, Some(name.ident.to_string()), is_public),
            UseTree::Rename(rename) => self.push(before, Some(rename.ident.to_string()), is_public),
            UseTree::Glob(_) => self.push(before, None, is_public),
        }
    }

    fn push(&mut self, before: &[String], name: Option<String>, is_public: bool) {
        let given: Vec<String> = before.iter().cloned().chain(name.filter(|name| name != "self")).collect();
        let supers = given.iter().take_while(|part| *part == "super").count();
        let path = match given.first().map(String::as_str) {
            Some("crate") => [&self.module[..1], &given[1..]].concat(),
            Some("self") => [self.module, &given[1..]].concat(),
            Some("super") => [&self.module[..self.module.len() - supers], &given[supers..]].concat(),
            Some("qmpsh") if self.module[0] == "bin" => given,
            // A submodule, or another crate: then no file has this path.
            _ => [self.module, &given[..]].concat(),
        };
        self.found.push(Import { path, is_public });
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The module of a file, such as `src/json/mod.rs`.
fn module(file: &str) -> ModulePath {
    let path = file.strip_suffix(".rs").unwrap();
    let (first, rest) = match path.strip_prefix("src/bin/qmpsh/") {
        Some(rest) => ("bin", rest),
        None => ("qmpsh", path.strip_prefix("src/").unwrap()),
    };
    let mut module: ModulePath = [first].into_iter().chain(rest.split('/')).map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// The files that each file imports from.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let mut paths = Vec::new();
    sources(&root().join("src"), &mut paths);
    let names = paths.iter().map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
    let is_test = |file: &String| file.ends_with("/tests.rs") || file.ends_with("_tests.rs");
    let files: BTreeMap<ModulePath, String> =
        names.filter(|file| !is_test(file)).map(|file| (module(&file), file)).collect();
    let mut imports: BTreeMap<&ModulePath, Vec<Import>> = BTreeMap::new();
    for (module, file) in &files {
        let parsed = syn::parse_file(&fs::read_to_string(root().join(file)).unwrap()).unwrap();
        let mut found = Imports { module, found: Vec::new() };
        found.visit_file(&parsed);
        imports.insert(module, found.found);
    }
    // The module that defines what a path names: `mod.rs` files re-export.
    let definition = |path: &ModulePath| {
        let mut path = path.clone();
        for _ in 0..5 {
            let length = (1..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
            let (module, rest) = (path[..length].to_vec(), &path[length..]);
            let Some(name) = rest.first() else { return Some(module) };
            let mut exports = imports[&module].iter().filter(|import| import.is_public);
            match exports.find(|export| export.path.last() == Some(name) && export.path[..] != path[..=length]) {
                Some(export) => path = [&export.path, &rest[1..]].concat(),
                None => return Some(module),
            }
        }
        None
    };
    let imported = |(module, imports): (&&ModulePath, &Vec<Import>)| {
        let own = imports.iter().filter(|import| !import.is_public);
        let targets = own.filter_map(|import| definition(&import.path)).filter(|target| target != *module);
        (files[*module].clone(), targets.map(|target| files[&target].clone()).collect())
    };
    imports.iter().map(imported).collect()
}

/// All files that can be reached from `file`.
fn reachable(graph: &BTreeMap<String, BTreeSet<String>>, file: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<&str> = vec![file];
    while let Some(next) = left.pop() {
        for target in &graph[next] {
            if reached.insert(target.clone()) {
                left.push(target);
            }
        }
    }
    reached
}

#[test]
fn no_files_import_each_other_without_a_reason() {
    let graph = graph();
    assert!(graph["src/bin/qmpsh/run.rs"].contains("src/bin/qmpsh/session/state.rs"), "imports are not found");
    assert!(
        graph["src/transport/unix.rs"].iter().any(|file| file.starts_with("src/protocol/")),
        "re-exports are not found"
    );
    let reached: BTreeMap<_, _> = graph.keys().map(|file| (file.as_str(), reachable(&graph, file))).collect();
    let circles: BTreeSet<BTreeSet<&str>> = reached
        .iter()
        .filter(|(file, targets)| targets.contains(**file))
        .map(|(file, targets)| {
            targets.iter().map(String::as_str).filter(|other| reached[other].contains(*file)).collect()
        })
        .collect();
    let expected: BTreeSet<BTreeSet<&str>> =
        WITH_A_REASON.iter().map(|circle| circle.iter().copied().collect()).collect();
    assert_eq!(circles, expected);
}
