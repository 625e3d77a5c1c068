//! A page of docs/runbooks as boxes of commands, and how they are typed.

use crate::cluster::{Scene, binaries};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// A page, and which of its sections were played.
pub struct Runbook {
    settings: BTreeMap<String, String>,
    sections: Vec<Section>,
    played: BTreeSet<String>,
}

/// A heading with the commands below it.
#[derive(Default)]
struct Section {
    heading: String,
    commands: Vec<Typed>,
}

/// A command, and what the page says of it.
struct Typed {
    line: String,
    code: i32,
    says: Vec<String>,
}

impl Runbook {
    /// The page of this name.
    pub fn open(name: &str) -> Runbook {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/runbooks/{name}.md"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut page = Runbook {
            settings: BTreeMap::new(),
            sections: vec![Section::default()],
            played: BTreeSet::new(),
        };
        let mut fence = None;
        for line in text.lines() {
            if let Some(language) = line.strip_prefix("```") {
                fence = fence.is_none().then(|| language.to_owned());
                continue;
            }
            let heading = line.strip_prefix("## ").or(line.strip_prefix("# "));
            match (fence.as_deref(), heading) {
                (None, Some(heading)) => page.sections.push(Section {
                    heading: heading.to_owned(),
                    commands: Vec::new(),
                }),
                (Some("sh"), _) => page.command(line),
                (Some("text"), _) => page.last_command().says.push(line.to_owned()),
                (Some(language), _) => panic!("{name}: a box of {language:?}"),
                (None, None) => {}
            }
        }
        page.sections.retain(|section| !section.commands.is_empty());
        page
    }

    fn command(&mut self, line: &str) {
        let setting = line.split_once('=').filter(|(name, _)| {
            let capital = |letter: char| letter.is_ascii_uppercase() || letter == '_';
            !name.is_empty() && name.chars().all(capital)
        });
        if let Some((name, value)) = setting {
            self.settings.insert(name.to_owned(), value.to_owned());
            return;
        }
        let (line, code) = match line.split_once("# exit ") {
            Some((line, code)) => (line.trim_end(), code.trim().parse().expect("an exit code")),
            None => (line, 0),
        };
        let typed = Typed {
            line: line.to_owned(),
            code,
            says: Vec::new(),
        };
        self.section().commands.push(typed);
    }

    fn section(&mut self) -> &mut Section {
        self.sections.last_mut().expect("a section")
    }

    fn last_command(&mut self) -> &mut Typed {
        let last = self.section().commands.last_mut();
        last.expect("a command that says it")
    }

    /// Types a section's commands in a scene, with these settings in place of the page's own.
    #[track_caller]
    pub fn play(&mut self, heading: &str, scene: &Scene<'_>, settings: &[(&str, &str)]) {
        let section = self.sections.iter().find(|section| section.heading == heading);
        let section = section.unwrap_or_else(|| panic!("no section with commands is called {heading:?}"));
        for (name, _) in settings {
            assert!(self.settings.contains_key(*name), "the page has no setting {name}");
        }
        let kubectl = binaries::kubectl();
        let programs = [Path::new(env!("CARGO_BIN_EXE_shardctl")), kubectl.as_path()];
        let folders = programs.map(|program| program.parent().expect("a folder").display().to_string());
        for typed in &section.commands {
            let ran = Command::new("/bin/sh")
                .args(["-u", "-c", &typed.line])
                .env_clear()
                .env("PATH", format!("{}:/usr/bin:/bin", folders.join(":")))
                .env("HOME", scene.home())
                .env("KUBECONFIG", scene.kubeconfig())
                .env("NO_COLOR", "1")
                .envs(&self.settings)
                .envs(settings.iter().copied())
                .current_dir(scene.home())
                .output()
                .expect("start a shell");
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr)
            );
            let line = &typed.line;
            assert_eq!(ran.status.code(), Some(typed.code), "{heading}\n$ {line}\n{said}");
            for words in &typed.says {
                assert!(
                    said.contains(words),
                    "{heading}\n$ {line}\ndoesn't say {words:?}:\n{said}"
                );
            }
        }
        self.played.insert(heading.to_owned());
    }

    /// Fails where a section with commands was never played.
    #[track_caller]
    pub fn was_played_whole(&self) {
        let left = self.sections.iter().map(|section| &section.heading);
        let left: Vec<_> = left.filter(|heading| !self.played.contains(*heading)).collect();
        assert!(left.is_empty(), "never played: {left:?}");
    }
}
