//! Every operation and strategy, with where it begins, what it may do and what is to come of it.

use std::sync::Arc;

use jiff::Timestamp;
use shardctl::model::outcome::End;
use shardctl::plan::drain::placeholder::Prewarm;
use shardctl::plan::drain::{Afterwards, Strategy};
use shardctl::plan::image::Wanted;
use shardctl::plan::upgrade::policy::Goal;
use shardctl::sim::faults::{Fault, Faults};
use shardctl::sim::plane::Plane;
use shardctl::sim::store::Store;

use super::command::{Command, Drain, Upgrade};
use super::course::Then;
use super::play::{Act, Ended, Stage, play};
use super::referee::{Become, Job, Left, Licence, Referee};
use super::scene::{BAD, Ground, NEW, OLD, Scene};
use super::workload;

/// One operation.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called in what is printed, and in a replay.
    pub name: &'static str,
    /// The cluster.
    pub scene: Scene,
    /// What was done before it begins.
    pub before: Option<Act>,
    /// The command.
    pub command: Command,
    /// What it may do.
    pub licence: Licence,
    /// What is to come of it.
    pub left: Left,
}

impl Case {
    /// The cluster as it is when the operation begins, and as it was before everything.
    pub fn stage(&self) -> (Stage, Arc<Store>) {
        let (plane, at) = self.begins_with();
        let first = Arc::new(plane.store.clone());
        let stage = Stage {
            plane,
            at,
            referee: Referee::new(self.scene, self.licence, first.clone(), at),
            lives: 0,
        };
        let Some(act) = &self.before else {
            return (stage, first);
        };
        let before = play(stage, act);
        assert_eq!(before.broken, Vec::<String>::new(), "{}: before it", self.name);
        let died = before.ended == Ended::Died;
        assert_eq!(
            died,
            act.faults.are_deadly(),
            "{}: before it: {:?}",
            self.name,
            before.ended
        );
        (before.stage, first)
    }

    /// The cluster before the operation, or what was done before it; with the workload in it where the scene has it deployed.
    fn begins_with(&self) -> (Plane, Timestamp) {
        let (plane, at) = self.scene.at_rest();
        let (shards, takes_a_name) = match self.scene.ground {
            Ground::Written | Ground::Cloud => return (plane, at),
            Ground::Deployed(shards) => (shards, false),
            Ground::Taken(shards) => (shards, true),
        };
        let scene = Scene {
            shards: i64::from(shards),
            ..self.scene
        };
        let licence = Licence {
            workload: Some(Job::Deploy),
            ..Licence::default()
        };
        let stage = Stage {
            referee: Referee::new(scene, licence, Arc::new(plane.store.clone()), at),
            plane,
            at,
            lives: 0,
        };
        let act = Act {
            command: Command::Deploy(shards),
            faults: Faults::default(),
        };
        let played = play(stage, &act);
        assert_eq!(played.broken, Vec::<String>::new(), "{}: its deployment", self.name);
        let Ended::Itself(outcome) = &played.ended else {
            panic!("{}: its deployment: {:?}", self.name, played.ended)
        };
        assert_eq!(outcome.end, End::Done, "{}: {}", self.name, outcome.summary);
        workload::beside_others(played.stage.plane, played.stage.at, takes_a_name)
    }

    /// What is done after a death beside the same again: `recover`, which leaves nothing; and where that alone gets nobody further,
    /// the same after it.
    pub fn with_recover(&self) -> Then {
        if self.left.workload.is_some() {
            Then::Both
        } else {
            Then::Recover
        }
    }

    /// Whether there may be no set: `recover` says so then.
    pub fn may_have_no_set(&self) -> bool {
        self.scene.ground == Ground::Cloud || matches!(self.command, Command::Cleanup(..))
    }
}

fn upgrade(goal: Goal, pre_pull: bool) -> Upgrade {
    Upgrade {
        goal,
        canary: None,
        pre_pull,
        undoes: false,
    }
}

fn to_new() -> Goal {
    to(NEW)
}

fn to(image: &str) -> Goal {
    Goal::Images(vec![Wanted::parse(image).unwrap()])
}

fn drain(strategy: Strategy, then: Afterwards) -> Drain {
    Drain {
        strategy,
        then,
        prewarm: Prewarm::Never,
    }
}

/// All of them.
pub fn all() -> Vec<Case> {
    let rolls = Licence {
        template: true,
        ..Licence::default()
    };
    let rolled = |image: Option<&str>| Left {
        rolled: true,
        image: image.map(str::to_owned),
        ..Left::default()
    };
    let drains = Licence {
        drain: true,
        ..Licence::default()
    };
    let surges = Licence {
        replicas: true,
        ..drains
    };
    let emptied = |cordoned: bool| Left {
        drained: true,
        cordoned: Some(cordoned),
        ..Left::default()
    };
    let plain = Scene::PLAIN;
    let ordered = Scene { ordered: true, ..plain };
    let karpenter = Scene {
        karpenter: true,
        ..plain
    };
    let case = |name, scene, command, licence, left| Case {
        name,
        scene,
        before: None,
        command,
        licence,
        left,
    };
    let up = Command::Upgrade;
    let out = Command::Drain;
    vec![
        case("upgrade", plain, up(upgrade(to_new(), true)), rolls, rolled(Some(NEW))),
        case(
            "upgrade-ordered",
            ordered,
            up(upgrade(to_new(), false)),
            rolls,
            rolled(Some(NEW)),
        ),
        case(
            "upgrade-karpenter",
            karpenter,
            up(upgrade(to_new(), false)),
            rolls,
            rolled(Some(NEW)),
        ),
        case(
            "restart",
            plain,
            up(upgrade(Goal::Restart, false)),
            rolls,
            rolled(Some(OLD)),
        ),
        case(
            "canary",
            plain,
            up(Upgrade {
                canary: Some(1),
                ..upgrade(to_new(), false)
            }),
            rolls,
            rolled(Some(NEW)),
        ),
        case(
            "upgrade-undone",
            plain,
            up(Upgrade {
                undoes: true,
                ..upgrade(to(BAD), true)
            }),
            rolls,
            Left {
                end: Some(End::Halted),
                hurts: true,
                ..rolled(Some(OLD))
            },
        ),
        Case {
            before: Some(Act {
                command: up(upgrade(to_new(), false)),
                faults: Faults::default(),
            }),
            ..case(
                "undo",
                plain,
                up(upgrade(Goal::Undo { to: None }, false)),
                rolls,
                rolled(Some(OLD)),
            )
        },
        case(
            "drain-relax",
            Scene {
                neighbour: true,
                ..plain
            },
            out(drain(Strategy::Relax, Afterwards::Cordoned)),
            drains,
            emptied(true),
        ),
        case(
            "drain-surge",
            plain,
            out(drain(Strategy::Surge, Afterwards::Cordoned)),
            surges,
            emptied(true),
        ),
        case(
            "drain-surge-ordered",
            ordered,
            out(drain(Strategy::Surge, Afterwards::Cordoned)),
            surges,
            emptied(true),
        ),
        case(
            "drain-direct",
            plain,
            out(drain(Strategy::Direct, Afterwards::Uncordoned)),
            drains,
            emptied(false),
        ),
        case(
            "drain-downtime",
            plain,
            out(drain(Strategy::Downtime, Afterwards::Cordoned)),
            Licence {
                together: true,
                ..drains
            },
            emptied(true),
        ),
        case(
            "drain-karpenter",
            karpenter,
            out(Drain {
                prewarm: Prewarm::Always,
                ..drain(Strategy::Relax, Afterwards::Released)
            }),
            Licence {
                release: true,
                ..drains
            },
            Left {
                released: true,
                ..emptied(true)
            },
        ),
        Case {
            before: Some(Act {
                command: out(drain(Strategy::Surge, Afterwards::Cordoned)),
                faults: Faults::at(12, Fault::CrashAfter),
            }),
            ..case("recover", karpenter, Command::Recover, surges, Left::default())
        },
        case(
            "node-is-off",
            Scene { off: true, ..plain },
            Command::NodeIsOff,
            Licence {
                off: true,
                ..Licence::default()
            },
            Left {
                drained: true,
                hurts: true,
                ..Left::default()
            },
        ),
        Case {
            before: Some(Act {
                command: out(drain(Strategy::Direct, Afterwards::Cordoned)),
                faults: Faults::at(12, Fault::CrashAfter),
            }),
            ..case(
                "uncordon",
                karpenter,
                Command::Uncordon,
                drains,
                Left {
                    cordoned: Some(false),
                    partly: true,
                    ..Left::default()
                },
            )
        },
    ]
    .into_iter()
    .chain(of_the_workload())
    .collect()
}

/// Those that make the workload and take it away.
fn of_the_workload() -> Vec<Case> {
    let case = |name, shards: u32, ground, command: fn(u32) -> Command, job, end| Case {
        name,
        scene: Scene {
            shards: i64::from(shards),
            karpenter: true,
            ground,
            ..Scene::PLAIN
        },
        before: None,
        command: command(shards),
        licence: Licence {
            workload: Some(job),
            ..Licence::default()
        },
        left: Left {
            // A deployment leaves it to `upgrade` to move shards that are there.
            rolled: job == Job::Promote,
            workload: Some(end),
            ..Left::default()
        },
    };
    let (two, taken) = (Ground::Deployed(2), Ground::Taken(2));
    let [(keeps, kept), (clears, cleared)] = [false, true].map(|data| (Job::Cleanup(data), Become::CleanedUp(data)));
    vec![
        case(
            "deploy",
            3,
            Ground::Cloud,
            Command::Deploy,
            Job::Deploy,
            Become::Deployed,
        ),
        case("deploy-more", 3, two, Command::Deploy, Job::Deploy, Become::Deployed),
        case("promote", 2, two, Command::Promote, Job::Promote, Become::Promoted),
        case(
            "cleanup",
            2,
            taken,
            |shards| Command::Cleanup(shards, false),
            keeps,
            kept,
        ),
        case(
            "cleanup-data",
            2,
            taken,
            |shards| Command::Cleanup(shards, true),
            clears,
            cleared,
        ),
    ]
}
