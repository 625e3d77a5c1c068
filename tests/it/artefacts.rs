//! Files that the binary writes itself stay as it writes them: completions, the pages of the checks and of the refusals, the
//! manifests of the reference workload.
//!
//! `SHARDCTL_WRITE_ARTEFACTS=1 cargo test --test it artefacts` writes them anew.

use std::path::Path;
use std::process::Command;

fn shardctl(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .args(arguments)
        .env_clear()
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn assert_committed(file: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("SHARDCTL_WRITE_ARTEFACTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == written,
        "{file} isn't what the binary writes; write it anew with\n  SHARDCTL_WRITE_ARTEFACTS=1 cargo test --test it artefacts"
    );
}

#[test]
fn completions_are_those_of_the_binary() {
    for (shell, file) in [
        ("bash", "completions/shardctl.bash"),
        ("zsh", "completions/_shardctl"),
        ("fish", "completions/shardctl.fish"),
        ("powershell", "completions/_shardctl.ps1"),
    ] {
        assert_committed(file, &shardctl(&["completions", shell]));
    }
}

#[test]
fn the_page_of_the_checks_is_what_explain_says() {
    assert_committed("docs/checks.md", &shardctl(&["explain", "-o", "markdown"]));
}

#[test]
fn the_page_of_the_refusals_is_what_explain_says() {
    let page = shardctl(&["explain", "refusals", "-o", "markdown"]);
    assert!(page.contains(&shardctl(&["explain", "Claim-Deleted", "-o", "markdown"])));
    assert_committed("docs/refusals.md", &page);
}

#[test]
fn the_kustomization_is_what_render_writes() {
    let folder = tempfile::tempdir().unwrap();
    shardctl(&["render", "--out", folder.path().to_str().unwrap()]);
    let written = files(folder.path());
    assert!(written.len() > 10, "{written:?}");
    for file in &written {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert_committed(&format!("k8s/{file}"), &text);
    }
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s");
    let of_ours = |file: &String| file.starts_with("base/") || file.starts_with("overlays/");
    let committed: Vec<String> = files(&committed).into_iter().filter(of_ours).collect();
    assert_eq!(committed, written, "k8s/ has a file that render doesn't write");
}

/// The files below a folder, by their names from there.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|file| format!("{name}/{file}")));
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn the_readme_shows_what_the_binary_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let block = readme.split("```\n").nth(1).expect("the first block");
    let mut said = Said::default();
    let mut commands = 0;
    for line in block.lines().filter(|line| !line.is_empty()) {
        if let Some(command) = line.strip_prefix("$ shardctl ") {
            said.is_shown_to_its_end();
            said = said_by(command);
            commands += 1;
        } else if line == "$ echo $?" {
            said.is_shown_to_its_end();
            said.left = vec![said.code.to_string()];
        } else {
            // Lines of evidence may be left out.
            let at = said.left.iter().position(|said| said == line);
            let at = at.unwrap_or_else(|| panic!("README.md shows a line that isn't said:\n{line}"));
            assert!(
                said.begun || at == 0,
                "README.md leaves the first line out:\n{}",
                said.left[0]
            );
            said.begun = true;
            said.left.drain(..=at);
        }
    }
    said.is_shown_to_its_end();
    assert_eq!(commands, 2);
}

/// What a command said, as far as it isn't shown yet.
#[derive(Default)]
struct Said {
    left: Vec<String>,
    code: i32,
    begun: bool,
}

impl Said {
    #[track_caller]
    fn is_shown_to_its_end(&self) {
        assert_eq!(self.left, Vec::<String>::new(), "README.md ends before the last line");
    }
}

/// What a command of the README prints on this tree.
fn said_by(command: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .args(command.split(' '))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("HOME", folder.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    Said {
        left: said.lines().map(str::to_owned).collect(),
        code: output.status.code().unwrap(),
        begun: false,
    }
}

#[test]
fn the_page_of_exit_codes_has_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exit-codes.md");
    let page = std::fs::read_to_string(path).unwrap();
    for (code, meaning) in shardctl::exit_code::ExitCode::ALL {
        let row = format!("| {} | {meaning} |", code as u8);
        assert!(page.contains(&row), "docs/exit-codes.md lacks the row\n{row}");
    }
}

#[test]
fn every_check_is_described_whole_and_entails_only_checks_that_exist() {
    use shardctl::plan::verify::{CHECKS, find};
    for check in CHECKS {
        let about = &check.about;
        for words in [about.title, about.why, about.mend, about.source] {
            assert!(!words.trim().is_empty(), "{} has an empty part", about.id);
        }
        assert!(
            !about.reads.is_empty() || !about.also.is_empty(),
            "{} reads nothing",
            about.id
        );
        for entailed in about.entails {
            assert!(
                find(entailed).is_some(),
                "{} entails {entailed}, which doesn't exist",
                about.id
            );
        }
    }
    let mut ids: Vec<&str> = CHECKS.iter().map(|check| check.about.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands for two checks");
    assert!(
        CHECKS.is_sorted_by_key(|check| check.about.category),
        "checks of a category stand together"
    );
}

#[test]
fn explain_knows_every_check_in_any_case_and_the_nearest_of_a_wrong_one() {
    assert!(shardctl(&["explain", "pod-01"]).starts_with("POD-01: "));
    let output = Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .args(["explain", "POD-1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("there is no check, refusal or runbook named POD-1") && words.contains("POD-01"),
        "{words}"
    );
}

#[test]
fn the_examples_that_the_readme_names_are_judged_as_it_says() {
    for (file, code) in [("ten-shards.json", 0), ("one-shard-down.json", 1)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(file);
        let output = Command::new(env!("CARGO_BIN_EXE_shardctl"))
            .args(["verify", "--from"])
            .arg(&path)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{file}: {words}");
    }
}
