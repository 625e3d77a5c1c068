//! The entries of the menu as command lines: the words that are known, and those that have to be asked for.

use crate::commands::runbooks::RUNBOOKS;
use crate::commands::workload::of_another_set;
use crate::commands::{Context, again};
use crate::config::Origin;
use crate::model::phases::{Holder, Phases};
use crate::model::read::Read;
use crate::model::report::Phase;
use crate::model::shell::shell_word;
use crate::model::workload::Workload;
use crate::plan::manifest::names::Names;

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Write a phase's objects.
    Deploy,
    /// The checks.
    Verify,
    /// Whose each key is.
    RouteTest,
    /// What runs where, what it costs.
    Packing,
    /// From explore to stable.
    Promote,
    /// Empty a node.
    Drain,
    /// Take it all away.
    Cleanup,
    /// What to do when something is wrong.
    Runbook,
}

/// What has to be asked before a command can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which phase.
    Phase,
    /// Which set, of which namespace.
    Set,
    /// Which set, of a namespace that was named.
    Name,
    /// Which namespace that has a set of the name that was given.
    Namespace,
    /// Which node.
    Node,
    /// Which size.
    Size,
    /// How much goes.
    Extent,
    /// Which page.
    Runbook,
}

/// A part of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words that are known.
    Said(Vec<String>),
    /// Words that an answer gives.
    Asked(Question),
}

/// A possible answer: how it reads, and the words that it puts into the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// How it reads.
    pub label: String,
    /// The words.
    pub words: Vec<String>,
}

impl Entry {
    /// Every entry, in the order of the menu.
    pub const ALL: [Entry; 8] = [
        Entry::Deploy,
        Entry::Verify,
        Entry::RouteTest,
        Entry::Packing,
        Entry::Promote,
        Entry::Drain,
        Entry::Cleanup,
        Entry::Runbook,
    ];

    /// Its name in the menu.
    pub const fn name(self) -> &'static str {
        match self {
            Entry::Deploy => "deploy",
            Entry::Verify => "verify",
            Entry::RouteTest => "route-test",
            Entry::Packing => "packing",
            Entry::Promote => "promote",
            Entry::Drain => "drain",
            Entry::Cleanup => "cleanup",
            Entry::Runbook => "runbook",
        }
    }

    /// What it is for.
    pub const fn what(self) -> &'static str {
        match self {
            Entry::Deploy => "write a phase's objects, and wait until every shard is Ready",
            Entry::Verify => "is everything as it must be?",
            Entry::RouteTest => "does every key land on its shard?",
            Entry::Packing => "what runs where, what it costs, what would be better",
            Entry::Promote => "from explore to stable, one shard at a time",
            Entry::Drain => "empty a node, its shards one at a time",
            Entry::Cleanup => "take the workload away; the data only if you say so",
            Entry::Runbook => "what to type when something is wrong",
        }
    }

    /// Why it can't be had where a set was named that isn't the workload's, in short and whole: what writes and deletes goes by the
    /// workload's name.
    pub fn why_not(self, context: &Context, workload: &Workload) -> Option<(String, String)> {
        if !matches!(self, Entry::Deploy | Entry::Promote | Entry::Cleanup) {
            return None;
        }
        let (wrong, hints) = of_another_set(context, workload)?;
        let short = format!("not of this set: the workload's is {}", Names::of(workload).set);
        Some((short, format!("{}: {wrong}; {}", self.name(), hints.join(" "))))
    }

    /// Its command line: the command first, then the flags that this menu was started with.
    pub fn line(self, context: &Context, found: &Phases, plain: bool) -> Vec<Part> {
        let said = |words: &[&str]| Part::Said(words.iter().map(|word| (*word).to_owned()).collect());
        let mut line = match self {
            Entry::Deploy => vec![said(&["deploy"]), Part::Asked(Question::Phase)],
            Entry::Verify => vec![said(&["verify"])],
            Entry::RouteTest => vec![said(&["route-test"])],
            Entry::Packing => vec![said(&["packing-summary"])],
            Entry::Promote => vec![said(&["promote", "--size"]), Part::Asked(Question::Size)],
            Entry::Drain => vec![said(&["drain"]), Part::Asked(Question::Node)],
            Entry::Cleanup => vec![said(&["cleanup"]), Part::Asked(Question::Extent)],
            Entry::Runbook => vec![said(&["explain"]), Part::Asked(Question::Runbook)],
        };
        match self {
            Entry::Deploy | Entry::Cleanup => line.push(Part::Said(workload_flags(context, &[]))),
            Entry::Promote => line.push(Part::Said(workload_flags(context, &["size"]))),
            Entry::Verify | Entry::RouteTest | Entry::Packing | Entry::Drain => line.extend(on_set(context, found)),
            Entry::Runbook => {}
        }
        if self != Entry::Runbook {
            line.push(Part::Said(again::flags(context)));
            line.push(Part::Said(flags_of(context, &["request-timeout"])));
        }
        line.push(Part::Said(output_flags(context, plain)));
        line
    }
}

/// The flags that name the set, where the user's own don't.
fn on_set(context: &Context, found: &Phases) -> Vec<Part> {
    let said = again::flags(context);
    let missing = |flag: &str| !said.iter().any(|word| word == flag);
    let Some(set) = found.found() else {
        let question = match (missing("--namespace"), missing("--statefulset")) {
            (true, true) => Question::Set,
            (false, true) => Question::Name,
            (true, false) => Question::Namespace,
            // The command itself says what is wrong with them.
            (false, false) => return Vec::new(),
        };
        return vec![Part::Asked(question)];
    };
    let names = [("--namespace", found.namespace.as_str()), ("--statefulset", set)];
    let words = names.into_iter().filter(|(flag, _)| missing(flag));
    vec![Part::Said(
        words
            .flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()])
            .collect(),
    )]
}

/// The workload's flags as they were given, but for those.
fn workload_flags(context: &Context, without: &[&str]) -> Vec<String> {
    let all = crate::commands::workload::flags(&crate::cli::WorkloadFlags::default());
    let names: Vec<&str> = all
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !without.contains(name))
        .collect();
    flags_of(context, &names)
}

/// Those flags as they were given. What the environment or a file says holds for the command as well.
fn flags_of(context: &Context, names: &[&str]) -> Vec<String> {
    let mut flags = Vec::new();
    for name in names {
        if let Some(said) = context.settings.said(name)
            && matches!(said.origin, Origin::Flag(_))
        {
            flags.extend([format!("--{name}"), said.words.join(",")]);
        }
    }
    flags
}

fn output_flags(context: &Context, plain: bool) -> Vec<String> {
    let mut flags = Vec::new();
    if let Some(file) = &context.global.config {
        flags.extend(["--config".to_owned(), file.display().to_string()]);
    }
    if !plain {
        flags.extend(flags_of(context, &["color"]));
    }
    for (given, flag) in [(context.global.quiet, "--quiet"), (context.global.verbose, "--verbose")] {
        if given {
            flags.push(flag.to_owned());
        }
    }
    flags
}

/// The command line as it is shown; what is still asked stands in capitals.
pub fn shown(line: &[Part]) -> String {
    let words = line.iter().flat_map(|part| match part {
        Part::Said(words) => words.iter().map(|word| shell_word(word)).collect(),
        Part::Asked(question) => vec![question.placeholder().to_owned()],
    });
    std::iter::once("shardctl".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

impl Question {
    /// What stands in the command line until it is answered.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Question::Phase => "PHASE",
            Question::Set => "--namespace NAMESPACE --statefulset NAME",
            Question::Name => "--statefulset NAME",
            Question::Namespace => "--namespace NAMESPACE",
            Question::Node => "NODE",
            Question::Size => "SIZE",
            Question::Extent => "[--phase PHASE | --data]",
            Question::Runbook => "RUNBOOK",
        }
    }

    /// The question.
    pub const fn words(self) -> &'static str {
        match self {
            Question::Phase => "Which phase?",
            Question::Set | Question::Name => "Which StatefulSet?",
            Question::Namespace => "Which namespace?",
            Question::Node => "Which node?",
            Question::Size => "Which size?",
            Question::Extent => "How much goes?",
            Question::Runbook => "What is seen?",
        }
    }

    /// The answers that the last look knows; those that name a set need a look of their own.
    pub fn choices(self, found: &Phases) -> Vec<Choice> {
        match self {
            Question::Phase => [
                (Phase::Explore, "Karpenter picks among sizes, the packing is watched"),
                (Phase::Stable, "one size, protected from disruption"),
            ]
            .map(|(phase, what)| {
                let stand = found.of(phase).is_some_and(|stand| stand.is_current);
                let deployed = if stand { "; deployed" } else { "" };
                choice(format!("{}: {what}{deployed}", phase.word()), &[phase.word()])
            })
            .into(),
            Question::Set | Question::Name | Question::Namespace => Vec::new(),
            Question::Node => found.nodes.got().into_iter().flatten().map(node).collect(),
            Question::Size => sizes(found),
            Question::Extent => vec![
                choice("everything of both phases but the disks".to_owned(), &[]),
                choice("only what explore has of its own".to_owned(), &["--phase", "explore"]),
                choice("only what stable has of its own".to_owned(), &["--phase", "stable"]),
                choice(
                    "everything, and the disks with the data: asks for the namespace, typed out".to_owned(),
                    &["--data"],
                ),
            ],
            Question::Runbook => RUNBOOKS
                .iter()
                .map(|runbook| choice(format!("{}: {}", runbook.name, runbook.seen), &[runbook.name]))
                .collect(),
        }
    }

    /// Why there is no answer to choose.
    pub fn why_none(self, found: &Phases) -> String {
        let why = match (self, &found.nodes) {
            (Question::Node, Read::Unreadable(why)) => return format!("which nodes hold shards isn't known: {why}"),
            (Question::Node, _) => "no node holds a shard of this workload, so that there is none to drain",
            (Question::Set, _) => "no namespace has a StatefulSet; deploy makes one",
            (Question::Name, _) => "the namespace has no StatefulSet; deploy makes one",
            (Question::Namespace, _) => "no namespace has a StatefulSet of that name",
            (Question::Phase | Question::Size | Question::Extent | Question::Runbook, _) => {
                "there is nothing to choose"
            }
        };
        why.to_owned()
    }
}

fn choice(label: String, words: &[&str]) -> Choice {
    Choice {
        label,
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    }
}

fn node(of: &Holder) -> Choice {
    let mut label = format!("{}: {}", of.name, of.shards.join(", "));
    for more in [
        of.size.as_deref(),
        of.zone.as_deref(),
        of.is_cordoned.then_some("cordoned"),
    ]
    .into_iter()
    .flatten()
    {
        label.push_str(&format!(" · {more}"));
    }
    choice(label, &[&of.name])
}

/// The sizes that shards are on, those that most nodes have first, then the others that explore may buy.
fn sizes(found: &Phases) -> Vec<Choice> {
    let mut used: Vec<(usize, &str)> = Vec::new();
    for size in found
        .nodes
        .got()
        .into_iter()
        .flatten()
        .filter_map(|of| of.size.as_deref())
    {
        match used.iter_mut().find(|(_, known)| *known == size) {
            Some((count, _)) => *count += 1,
            None => used.push((1, size)),
        }
    }
    used.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let here = used.iter().map(|(count, size)| {
        let nodes = if *count == 1 { "node holds" } else { "nodes hold" };
        choice(format!("{size}: {count} {nodes} shards now"), &[size])
    });
    let others = found
        .sizes
        .iter()
        .filter(|size| !used.iter().any(|(_, known)| known == size));
    here.chain(others.map(|size| choice(format!("{size}: explore may buy it"), &[size])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::commands::report_file::Heard;
    use crate::commands::{global_flags, workload};
    use crate::config::Settings;
    use crate::model::phases::Held;
    use crate::report::style::Colour;
    use clap::Parser;

    fn context(line: &str) -> Context {
        let cli = Cli::parse_from(line.split(' '));
        let Command::Quickstart(arguments) = cli.command else {
            panic!("{line}")
        };
        let mut flags = global_flags(&cli.global);
        flags.extend(workload::flags(&arguments.workload));
        Context {
            settings: Settings::gather(&flags, None).unwrap(),
            global: cli.global,
            colour: Colour::Never,
            heard: Heard::default(),
            words: Vec::new(),
            within: None,
        }
    }

    fn phases(set: Option<&str>) -> Phases {
        let holder = |name: &str, size: &str| Holder {
            name: name.to_owned(),
            size: Some(size.to_owned()),
            zone: Some("eastus-1".to_owned()),
            is_cordoned: name == "node-2",
            shards: vec!["db-shard-0".to_owned()],
        };
        Phases {
            namespace: "db-shards".to_owned(),
            wanted: "db-shard".to_owned(),
            set: Read::Got(set.map(str::to_owned)),
            status: None,
            expected: 0,
            phases: Vec::new(),
            elsewhere: Held::default(),
            counted: Read::Got(()),
            homeless: 0,
            nodes: Read::Got(vec![
                holder("node-1", "E8"),
                holder("node-2", "E16"),
                holder("node-3", "E16"),
            ]),
            sizes: ["E8", "E32"].map(str::to_owned).to_vec(),
            zones: Vec::new(),
        }
    }

    /// An entry's line with the first answer to every question.
    fn answered(entry: Entry, context: &Context, found: &Phases) -> Vec<String> {
        let parts = entry.line(context, found, false).into_iter();
        let words = parts.flat_map(|part| match part {
            Part::Said(words) => words,
            Part::Asked(question) => question.choices(found)[0].words.clone(),
        });
        words.collect()
    }

    #[test]
    fn every_entry_is_a_command_line_that_is_understood() {
        let given = "shardctl quickstart --kubeconfig a.json --context prod --as anna --as-group ops --name db --shards 3 --zones a,b \
                     --sizes Standard_E8s_v5 --priority 7 --request-timeout 5s --color never -q --config c.toml";
        let context = context(&given.split_whitespace().collect::<Vec<_>>().join(" "));
        for entry in Entry::ALL {
            let words = answered(entry, &context, &phases(Some("db-shard")));
            let line = std::iter::once("shardctl".to_owned()).chain(words.clone());
            let cli = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            assert!(cli.global.quiet && cli.global.config.is_some(), "{words:?}");
            let on_a_cluster = entry != Entry::Runbook;
            assert_eq!(cli.global.as_groups.len(), usize::from(on_a_cluster), "{words:?}");
            assert_eq!(cli.global.request_timeout.is_some(), on_a_cluster, "{words:?}");
            // The same workload, whichever of its commands it is.
            let given = match &cli.command {
                Command::Deploy(of) => Some(&of.workload),
                Command::Promote(of) => Some(&of.workload),
                Command::Cleanup(of) => Some(&of.workload),
                _ => None,
            };
            let is_of_the_workload = matches!(entry, Entry::Deploy | Entry::Promote | Entry::Cleanup);
            assert_eq!(given.is_some(), is_of_the_workload, "{words:?}");
            if let Some(given) = given {
                let said = (
                    given.name.as_deref(),
                    given.shards.is_some(),
                    given.zones.len(),
                    given.priority.is_some(),
                );
                assert_eq!(said, (Some("db"), true, 2, true), "{words:?}");
            }
        }
    }

    #[test]
    fn what_was_said_is_repeated_and_what_was_found_is_added() {
        let found = phases(Some("db-shard"));
        let line = |given: &str, entry: Entry| shown(&entry.line(&context(given), &found, false));
        assert_eq!(
            line("shardctl quickstart", Entry::Verify),
            "shardctl verify --namespace db-shards --statefulset db-shard"
        );
        assert_eq!(
            line("shardctl quickstart -n shop", Entry::Drain),
            "shardctl drain NODE --statefulset db-shard --namespace shop"
        );
        assert_eq!(
            line("shardctl quickstart --name db --size E8 --zones a,b", Entry::Deploy),
            "shardctl deploy PHASE --name db --zones a,b --size E8"
        );
        assert_eq!(
            line("shardctl quickstart --name db --size E8 --zones a,b", Entry::Promote),
            "shardctl promote --size SIZE --name db --zones a,b"
        );
        assert_eq!(
            line("shardctl quickstart --name db --size E8 --color always", Entry::Cleanup),
            "shardctl cleanup [--phase PHASE | --data] --name db --size E8 --color always"
        );
        let plain = Entry::Verify.line(&context("shardctl quickstart -n shop --color always"), &found, true);
        assert_eq!(shown(&plain), "shardctl verify --statefulset db-shard --namespace shop");
    }

    #[test]
    fn where_there_is_no_set_what_was_not_said_is_asked_for() {
        let nothing = phases(None);
        let line = |given: &str| shown(&Entry::Verify.line(&context(given), &nothing, false));
        assert_eq!(
            line("shardctl quickstart"),
            "shardctl verify --namespace NAMESPACE --statefulset NAME"
        );
        assert_eq!(
            line("shardctl quickstart -n shop"),
            "shardctl verify --statefulset NAME --namespace shop"
        );
        assert_eq!(
            line("shardctl quickstart --statefulset db"),
            "shardctl verify --namespace NAMESPACE --statefulset db"
        );
        assert_eq!(
            line("shardctl quickstart --statefulset db -n shop"),
            "shardctl verify --namespace shop --statefulset db"
        );
    }

    #[test]
    fn choices_are_what_the_cluster_has() {
        let found = phases(Some("db-shard"));
        let labels = |question: Question| -> Vec<String> {
            question
                .choices(&found)
                .into_iter()
                .map(|choice| choice.label)
                .collect()
        };
        assert_eq!(
            labels(Question::Size),
            [
                "E16: 2 nodes hold shards now",
                "E8: 1 node holds shards now",
                "E32: explore may buy it"
            ]
        );
        assert_eq!(
            labels(Question::Node)[1],
            "node-2: db-shard-0 · E16 · eastus-1 · cordoned"
        );
        assert_eq!(labels(Question::Runbook).len(), RUNBOOKS.len());
    }
}
