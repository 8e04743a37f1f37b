//! Checks ARCHITECTURE.md against the code: imports, paths, unsafe code.

mod cycles;
mod references;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");

/// Each module of the library, and those it may import. The modules of `language` stand here without it.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("message", &["json", "secrets", "text"]),
    ("json", &["text"]),
    ("text", &[]),
    ("secrets", &["json", "text"]),
    ("pattern", &[]),
    ("address", &[]),
    ("protocol", &["error"]),
    ("processes", &["address", "text"]),
    ("transport", &["address", "error", "processes", "protocol", "text"]),
    ("client", &["events", "jobs", "json", "message", "pattern", "policy", "protocol", "text", "transport"]),
    ("jobs", &["message"]),
    ("events", &["json", "message", "pattern"]),
    ("server", &["json", "message", "protocol", "secrets"]),
    ("policy", &["json", "message", "pattern"]),
    ("schema", &["json"]),
    ("syntax", &["json", "text"]),
    ("typing", &["error", "json", "message", "schema", "secrets", "syntax"]),
    ("hmp", &["json", "message", "syntax", "text"]),
    ("meant", &["message", "syntax"]),
    ("complete", &["json", "pattern", "schema", "syntax", "text", "typing"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `directory`.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules of the crate that this code names: `crate::a::B`, `crate::{a::B, c}`. Comments do not count, nor do tests.
fn imports(code: &str) -> Vec<String> {
    let code = code.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.replace("crate::language::", "crate::");
    let code: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let name = |text: &str| text.trim().split(|c: char| c != '_' && !c.is_alphanumeric()).next().map(str::to_owned);
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            found.extend(name(after));
            continue;
        };
        // The names right inside the braces.
        let mut depth = 0;
        for part in list.split_inclusive([',', '{', '}']) {
            if depth == 0 {
                found.extend(name(part).filter(|name| !name.is_empty()));
            }
            match part.chars().last() {
                Some('{') => depth += 1,
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

#[test]
fn the_import_parser_finds_each_form_of_use() {
    let check = |code: &str, expected: &[&str]| assert_eq!(imports(code), expected, "{code}");
    check("use crate::json::{Scanner, compact};\nlet a = crate::text::line(b);", &["json", "text"]);
    check("use crate::{secrets, text::{a, b}, json as c};", &["secrets", "text", "json"]);
    check("use crate::{\n    a,\n    b,\n};\nuse crate::c;", &["a", "b", "c"]);
    check("//! [`crate::typing`]\nuse super::x; // crate::y\n#[cfg(test)]\nmod tests {\n    use crate::json;\n}", &[]);
}

#[test]
fn imports_point_one_way() {
    let rows: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let source = root().join("src");
    let mut files = Vec::new();
    sources(&source, &mut files);
    assert!(files.len() > 50, "found only {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(&source).unwrap().with_extension("");
        let mut modules = path.iter().map(|name| name.to_str().unwrap()).filter(|name| *name != "language");
        let module = modules.next().unwrap().to_owned();
        let stem = path.file_name().unwrap().to_str().unwrap();
        if matches!(module.as_str(), "lib" | "mod" | "bin") || stem == "tests" || stem.ends_with("_tests") {
            continue;
        }
        let Some(allowed) = rows.get(module.as_str()) else {
            wrong.push(format!("`{module}` is new: give it a row here, and one in ARCHITECTURE.md"));
            continue;
        };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            if import != module && rows.contains_key(import.as_str()) && !allowed.contains(&import.as_str()) {
                wrong.push(format!("src/{}.rs imports `{import}`, and `{module}` may not", path.display()));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_modules_import_each_other() {
    // Through how many others does not matter: a module that reaches itself is in a circle.
    let rows: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut in_a_circle = Vec::new();
    for (module, imports) in MAY_IMPORT {
        let mut reached: Vec<&str> = imports.to_vec();
        let mut next = 0;
        while let Some(other) = reached.get(next).copied() {
            let more = rows[other].iter().filter(|name| !reached.contains(name)).copied().collect::<Vec<_>>();
            reached.extend(more);
            next += 1;
        }
        if reached.contains(module) {
            in_a_circle.push(*module);
        }
    }
    assert_eq!(in_a_circle, [""; 0]);
}

#[test]
fn architecture_md_names_each_module_and_existing_paths() {
    for (module, _) in MAY_IMPORT {
        let row = format!("| `{module}` | ");
        assert!(ARCHITECTURE.contains(&row), "ARCHITECTURE.md has no row {row}");
        let page = ["src/lib.rs", "src/language/mod.rs"].map(|path| fs::read_to_string(root().join(path)).unwrap());
        let page = page.concat();
        assert!(page.contains(&format!("`{module}`")), "src/lib.rs does not name {module} in its map");
    }
    let mut paths = 0;
    for quoted in ARCHITECTURE.split('`').skip(1).step_by(2) {
        if ["src/", "tests/", "benches/", "docs/", "scripts/", ".ci/"].iter().any(|folder| quoted.starts_with(folder)) {
            let path = quoted.split([' ', ',']).next().unwrap_or_default();
            assert!(root().join(path).exists(), "ARCHITECTURE.md names {path}, which is not there");
            paths += 1;
        }
    }
    assert!(paths > 10, "found only {paths} paths");
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "main.rs" || ARCHITECTURE.contains(&format!("`tests/{name}")),
            "ARCHITECTURE.md has no tests/{name}"
        );
    }
}

/// The words of the library, which other programs show: without comments and tests.
fn words_of_the_library() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let is_of_program = |file: &PathBuf| file.starts_with(root().join("src/bin"));
    // It explains what users of other programs write.
    let is_of_others = |file: &PathBuf| file.starts_with(root().join("src/language/meant"));
    files.retain(|file| !is_of_program(file) && !is_of_others(file) && !file.to_string_lossy().ends_with("tests.rs"));
    let words = |file: PathBuf| {
        let code = fs::read_to_string(&file).unwrap();
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words = lines.collect::<Vec<_>>().join("\n");
        (file, words)
    };
    files.into_iter().map(words).collect()
}

#[test]
fn the_library_does_not_speak_of_options_of_the_program() {
    let mut read = 0;
    for (file, words) in words_of_the_library() {
        let named = words.match_indices("--").find(|(at, _)| words[at + 2..].starts_with(char::is_alphabetic));
        let line = named.map(|(at, _)| words[..at].lines().last().unwrap_or_default());
        assert_eq!(line, None, "{} names an option of a command line", file.display());
        read += words.len();
    }
    assert!(read > 100_000, "only {read} bytes were read");
}

#[test]
fn unsafe_code_is_only_where_architecture_md_says() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let allows = |file: &PathBuf| {
        let code = fs::read_to_string(file).unwrap();
        code.lines().any(|line| line.trim_start().starts_with('#') && line.contains("unsafe_code"))
    };
    let found: Vec<_> = files.into_iter().filter(allows).collect();
    for file in &found {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        assert!(
            ARCHITECTURE.contains(&format!("`{path}`")),
            "{path} has unsafe code, and ARCHITECTURE.md does not say so"
        );
    }
    assert_eq!(found.len(), 6, "{found:?}: update what ARCHITECTURE.md says of unsafe code");
}
