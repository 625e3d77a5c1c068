//! Who may enter which room: the arrows of src/lib.rs, held against the `crate::` paths in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each room may use; a room not named here may not exist. `commands` joins them all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cli", &[]),
    ("clock", &[]),
    ("cluster", &["model", "clock", "error", "nearest"]),
    ("config", &["error", "nearest"]),
    ("error", &["exit_code"]),
    ("event", &["model"]),
    ("exit_code", &[]),
    ("memory", &[]),
    ("model", &[]),
    ("nearest", &["error"]),
    ("net", &["model", "error"]),
    (
        "operations",
        &["plan", "cluster", "net", "event", "model", "clock", "error", "nearest"],
    ),
    ("plan", &["model"]),
    ("report", &["event", "model", "error"]),
    ("sim", &["model"]),
];

/// What pure rooms must not hold: waiting, the network, unordered maps, printing.
const IMPURE: &[&str] = &[
    "async fn",
    ".await",
    "tokio::",
    "kube::",
    "std::net::Tcp",
    "std::fs",
    "std::env::var",
    "HashMap",
    "HashSet",
    "println!",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room that a file belongs to: its folder under src/, or its own name.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root()).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file without its comments and its unit tests, which may look into other rooms.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The rooms named after `crate::` in a piece of code, `use crate::{a, b::c}` included.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let word = |text: &str| {
            text.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect::<String>()
        };
        match after.strip_prefix('{') {
            None => {
                used.insert(word(after));
            }
            Some(group) => {
                let mut depth = 0;
                let mut at_start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        c if at_start && c.is_alphabetic() => {
                            used.insert(word(&group[at..]));
                            at_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used
}

#[test]
fn no_room_uses_a_room_that_it_may_not_enter() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let here = room(&path);
        if ["commands", "lib", "main"].contains(&here.as_str()) {
            continue;
        }
        let Some(may) = allowed.get(here.as_str()) else {
            wrong.push(format!("{}: the room `{here}` isn't on the list", path.display()));
            continue;
        };
        for used in rooms_used(&code(&path)) {
            if used != here && !may.contains(&used.as_str()) {
                wrong.push(format!("{}: `{here}` may not use `{used}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn model_and_plan_are_pure() {
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        if !["model", "plan"].contains(&room(&path).as_str()) {
            continue;
        }
        let code = code(&path);
        wrong.extend(
            IMPURE
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a file holds the unit tests of the one that is named as its folder is, and nothing else takes it in.
fn is_for_tests_only(path: &Path) -> bool {
    let folder = path.parent().unwrap();
    let tested = [folder.with_extension("rs"), folder.join("mod.rs")];
    let takes_it_in = |tested: &PathBuf| {
        let text = std::fs::read_to_string(tested).unwrap_or_default();
        text.contains("#[cfg(test)]\nmod tests;")
    };
    path.ends_with("tests.rs") && tested.iter().any(takes_it_in)
}

#[test]
fn only_a_confirmation_makes_a_permit() {
    let makers: Vec<PathBuf> = sources(&root())
        .into_iter()
        .filter(|path| code(path).contains("Permit::confirmed") || code(path).contains("Permit(())"))
        .filter(|path| !is_for_tests_only(path))
        .map(|path| path.strip_prefix(root()).unwrap().to_owned())
        .filter(|path| path != Path::new("cluster/permit.rs"))
        .collect();
    assert_eq!(makers, [Path::new("commands/confirm.rs")]);
}

#[test]
fn every_file_says_its_purpose_first_and_none_grows_past_700_lines() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut wrong = Vec::new();
    for path in sources(&root()).into_iter().chain(sources(&tests)) {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: doesn't begin with its purpose", path.display()));
        }
        if text.lines().count() > 700 {
            wrong.push(format!("{}: {} lines", path.display(), text.lines().count()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_test_file_is_part_of_the_binary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for path in sources(&folder) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "main" || name == "mod" {
            continue;
        }
        let parent = path.parent().unwrap();
        let beside = parent.with_extension("rs");
        let owner = [parent.join("mod.rs"), parent.join("main.rs"), beside]
            .into_iter()
            .find(|file| file.is_file());
        let text = std::fs::read_to_string(owner.expect("a file that names the module")).unwrap();
        assert!(
            text.contains(&format!("mod {name};")),
            "{} is in no module",
            path.display()
        );
    }
}

#[test]
fn the_reader_of_arrows_sees_every_form() {
    let code = "use crate::{model::{a, plan}, report};\nlet x = crate::clock::now();\nuse crate::error::Error;";
    let rooms: Vec<String> = rooms_used(code).into_iter().collect();
    assert_eq!(rooms, ["clock", "error", "model", "report"]);
}
