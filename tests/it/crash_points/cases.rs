//! Every operation and strategy, with where it begins, what it may do and what is to come of it.

use std::sync::Arc;

use shardctl::model::outcome::End;
use shardctl::plan::drain::placeholder::Prewarm;
use shardctl::plan::drain::{Afterwards, Strategy};
use shardctl::plan::image::Wanted;
use shardctl::plan::upgrade::policy::Goal;
use shardctl::sim::faults::{Fault, Faults};
use shardctl::sim::store::Store;

use super::command::{Command, Drain, Upgrade};
use super::play::{Act, Ended, Stage, play};
use super::referee::{Left, Licence, Referee};
use super::scene::{BAD, NEW, OLD, Scene};

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
        let (plane, at) = self.scene.at_rest();
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
}
