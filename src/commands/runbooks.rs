//! The runbooks, as docs/runbooks has them: `shardctl explain NAME` prints one where the repository isn't at hand.

/// A page of docs/runbooks.
pub struct Runbook {
    /// Its name, which is the file's.
    pub name: &'static str,
    /// What is seen when it is the one to read.
    pub seen: &'static str,
    /// The page, Markdown.
    pub page: &'static str,
}

/// Every runbook; the one to begin with is first.
pub const RUNBOOKS: [Runbook; 6] = [
    Runbook {
        name: "system-down",
        seen: "status says DOWN, and it isn't known why",
        page: include_str!("../../docs/runbooks/system-down.md"),
    },
    Runbook {
        name: "node-lost",
        seen: "a node doesn't answer, and its shards are terminating or not Ready",
        page: include_str!("../../docs/runbooks/node-lost.md"),
    },
    Runbook {
        name: "bad-image",
        seen: "an upgrade can't get the new images, or a shard can't become Ready",
        page: include_str!("../../docs/runbooks/bad-image.md"),
    },
    Runbook {
        name: "shard-stuck",
        seen: "a shard is terminating or Pending and doesn't move on",
        page: include_str!("../../docs/runbooks/shard-stuck.md"),
    },
    Runbook {
        name: "budget-blocks",
        seen: "an eviction or a drain is refused: it would violate the pod's disruption budget",
        page: include_str!("../../docs/runbooks/budget-blocks.md"),
    },
    Runbook {
        name: "multi-attach",
        seen: "a shard stays in detach, or its events say Multi-Attach error",
        page: include_str!("../../docs/runbooks/multi-attach.md"),
    },
];

/// The runbook of this name.
pub fn find(name: &str) -> Option<&'static Runbook> {
    RUNBOOKS.iter().find(|runbook| runbook.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_page_is_there_and_its_name_is_nothing_else_that_explain_knows() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
        let written: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|file| {
                file.unwrap()
                    .file_name()
                    .to_str()?
                    .strip_suffix(".md")
                    .map(str::to_owned)
            })
            .filter(|name| name != "README")
            .collect();
        let known: BTreeSet<String> = RUNBOOKS.iter().map(|runbook| runbook.name.to_owned()).collect();
        assert_eq!(known, written);
        for runbook in &RUNBOOKS {
            assert!(runbook.page.starts_with("# "), "{}", runbook.name);
            assert!(crate::plan::safety::catalogue::find(runbook.name).is_none());
            assert!(crate::plan::verify::find(runbook.name).is_none());
        }
    }
}
