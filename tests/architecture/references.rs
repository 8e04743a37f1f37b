//! Checks that sections and engine behaviors that comments refer to exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{root, sources};

const ENGINE: &str = include_str!("../../docs/engine.md");

/// The code below these folders, each file with its path from the root.
fn code(folders: &[&str]) -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders {
        sources(&root().join(folder), &mut files);
    }
    let read = |file: PathBuf| {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        (path, fs::read_to_string(file).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// The comments of `code` as running text, so that a reference may go over the end of a line.
fn comments(code: &str) -> String {
    let comment = |line: &str| {
        let after = line.split_once("//")?.1;
        Some(after.trim_start_matches(['/', '!']).trim().to_owned())
    };
    code.lines().filter_map(comment).collect::<Vec<_>>().join(" ")
}

/// The pages that `text` refers to, each with the heading that follows its name in quotation marks.
fn references(text: &str) -> Vec<(String, Option<String>)> {
    let reference = |after: &str| {
        let (stem, rest) = after.split_once(".md")?;
        let is_name =
            !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let heading =
            rest.strip_prefix(", \"").and_then(|rest| rest.split_once('"')).map(|(heading, _)| heading.into());
        is_name.then(|| (format!("docs/{stem}.md"), heading))
    };
    text.split("docs/").skip(1).filter_map(reference).collect()
}

/// The headings of a page, without their numbers.
fn headings(page: &str) -> BTreeSet<&str> {
    let titles = page.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
    let unnumbered = titles.map(|title| match title.split_once(". ") {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => title,
    });
    unnumbered.collect()
}

/// The numbers of behaviors in `text`: 7 for `E7` as a word.
fn behaviors(text: &str) -> BTreeSet<u32> {
    let words = text.split(|c: char| c != '_' && !c.is_alphanumeric());
    words.filter_map(|word| word.strip_prefix('E')?.parse().ok()).collect()
}

/// The numbers in the names of tests: 12 and 14 for `fn e12_e14_a_name()`.
fn tested(code: &str) -> BTreeSet<u32> {
    let number = |part: &str| part.strip_prefix('e').filter(|digits| digits.len() == 2)?.parse().ok();
    let names = code.split("fn ").skip(1);
    names.flat_map(|name| name.split('_').map_while(number).collect::<Vec<_>>()).collect()
}

/// The numbers of the rows in docs/engine.md, in order.
fn rows() -> Vec<u32> {
    let row = |line: &str| line.strip_prefix("| E")?.split_once(" |")?.0.parse().ok();
    let mut rows: Vec<u32> = ENGINE.lines().filter_map(row).collect();
    rows.sort_unstable();
    rows
}

/// The first reference in `text` to a document that is not in the repository.
fn reference_outside(text: &str) -> Option<String> {
    // In lower case here, so that this file passes.
    let whole = ["qmp-facts", "repl-facts"].map(str::to_ascii_uppercase);
    if let Some(name) = whole.into_iter().find(|name| text.contains(name)) {
        return Some(name);
    }
    // These are words too: only the name of the file, or of a section of it, is a reference.
    let followed = |name: &String| {
        let mut after = text.match_indices(name.as_str()).map(|(at, _)| &text[at + name.len()..]);
        after.any(|after| {
            let section = after.strip_prefix(' ').is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()));
            section || after.starts_with(".md")
        })
    };
    let words = ["spec", "style", "engine", "field", "peers", "words"].map(str::to_ascii_uppercase);
    words.into_iter().find(followed)
}

#[test]
fn the_reference_parser_finds_each_form() {
    let check = |text: &str, expected: &[(&str, Option<&str>)]| {
        let expected: Vec<_> =
            expected.iter().map(|(page, heading)| ((*page).to_owned(), heading.map(str::to_owned))).collect();
        assert_eq!(references(&comments(text)), expected, "{text}");
    };
    let comment = |text: &str| format!("code(); {}/ {text}", "//");
    check(&comment("(docs/a.md, \"B c\"). And docs/d-e.md."), &[("docs/a.md", Some("B c")), ("docs/d-e.md", None)]);
    check(&format!("{}\n{}", comment("docs/a.md,"), comment("\"B\"")), &[("docs/a.md", Some("B"))]);
    check(&comment("docs/system/tls.rst, docs/x/y.md"), &[]);
    check("docs/a.md", &[]);

    assert_eq!(headings("# A page\ntext\n## 12. A b\n### 3 c. d\n"), BTreeSet::from(["A page", "A b", "3 c. d"]));
    assert_eq!(behaviors("(E1, E20): 1E3 E4x E_5 e6 E"), BTreeSet::from([1, 20]));
    assert_eq!(tested("fn e12_e14_a() fn e07_e2e_b() fn e1_c() fn each()"), BTreeSet::from([7, 12, 14]));

    let check = |name: &str, after: &str, expected: bool| {
        let text = name.to_ascii_uppercase() + after;
        assert_eq!(reference_outside(&text).is_some(), expected, "{text}");
    };
    check("(qmp-facts", ")", true);
    check("see spec", " 4", true);
    check("style", ".md", true);
    check("last_words", " = 1", false);
    check("spec and style", "", false);
}

#[test]
fn each_reference_to_a_page_resolves() {
    let mut wrong = Vec::new();
    let mut found = 0;
    for (path, code) in code(&["src", "tests", "benches"]) {
        for (page, heading) in references(&comments(&code)) {
            found += 1;
            match (fs::read_to_string(root().join(&page)), heading) {
                (Err(error), _) => wrong.push(format!("{path} refers to {page}: {error}")),
                (Ok(text), Some(heading)) if !headings(&text).contains(&*heading) => {
                    wrong.push(format!("{path} refers to {page}, \"{heading}\": the page has no such heading"));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found > 10, "found only {found} references");
}

#[test]
fn each_engine_behavior_has_a_row_and_a_test() {
    let rows = rows();
    let expected: Vec<u32> = (1..=21).collect();
    assert_eq!(rows, expected, "the rows of docs/engine.md");
    let rows: BTreeSet<u32> = rows.into_iter().collect();
    let mut in_the_engine = BTreeSet::new();
    for (path, code) in code(&["src", "tests", "benches"]) {
        let tested = tested(&code);
        let named: BTreeSet<u32> = tested.union(&behaviors(&comments(&code))).copied().collect();
        let unknown: Vec<_> = named.difference(&rows).collect();
        assert!(unknown.is_empty(), "{path} names behaviors that docs/engine.md does not have: {unknown:?}");
        if path.starts_with("tests/engine/") {
            in_the_engine.extend(tested);
        }
    }
    let untested: Vec<_> = rows.difference(&in_the_engine).collect();
    assert!(untested.is_empty(), "tests/engine/ has no test of the behaviors {untested:?} of docs/engine.md");
}

/// The names in the last column of the tables of docs/FAULTS.md.
fn named_tests(page: &str) -> Vec<&str> {
    let columns = page.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once("| "));
    columns.flat_map(|(_, tests)| tests.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn each_fault_names_tests_that_exist() {
    let page = include_str!("../../docs/FAULTS.md");
    let code: String = code(&["src", "tests"]).into_iter().map(|(_, code)| code).collect();
    let named = named_tests(page);
    let missing: Vec<_> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/FAULTS.md names tests that do not exist: {missing:?}");
    // Each row has one.
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault"));
    let without: Vec<_> = rows.filter(|row| named_tests(row).is_empty()).collect();
    assert!(without.is_empty() && named.len() > 80, "docs/FAULTS.md has faults without a test: {without:?}");
}

#[test]
fn code_refers_only_to_pages_of_the_repository() {
    for (path, code) in code(&["src", "tests", "benches"]) {
        let reference = reference_outside(&code);
        assert_eq!(reference, None, "{path} refers to a document that is not in the repository");
    }
}
