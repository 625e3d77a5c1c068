//! A course: one case with what goes wrong in each life and what is done in the end, short enough to be repeated by one command.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use shardctl::model::outcome::End;
use shardctl::plan::upgrade::policy::Goal;
use shardctl::sim::faults::Faults;
use shardctl::sim::kind::Kind;
use shardctl::sim::store::Store;

use super::cases::{self, Case};
use super::command::{Command, Upgrade};
use super::play::{Act, Ended, Played, Stage, play};
use super::referee::{Left, at_rest};
use super::scene::NODE;

/// What is done when everything that goes wrong has gone wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: the last life has to reach the goal.
    Nothing,
    /// The same command again.
    Again,
    /// `recover`.
    Recover,
    /// `recover`, then the same command again.
    Both,
}

/// A course.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The case's name.
    pub case: String,
    /// What goes wrong in each life.
    pub lives: Vec<Faults>,
    /// What is done in the end.
    pub then: Then,
}

impl Display for Course {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.case)?;
        for life in &self.lives {
            write!(to, ";{life}")?;
        }
        let then = match self.then {
            Then::Nothing => "nothing",
            Then::Again => "again",
            Then::Recover => "recover",
            Then::Both => "both",
        };
        write!(to, ";{then}")
    }
}

impl FromStr for Course {
    type Err = String;

    fn from_str(written: &str) -> Result<Course, String> {
        let parts: Vec<&str> = written.split(';').collect();
        let [case, lives @ .., then] = parts.as_slice() else {
            return Err(format!("`{written}` is no course"));
        };
        let then = match *then {
            "nothing" => Then::Nothing,
            "again" => Then::Again,
            "recover" => Then::Recover,
            "both" => Then::Both,
            other => return Err(format!("`{other}` is no end of a course")),
        };
        Ok(Course {
            case: (*case).to_owned(),
            lives: lives.iter().map(|life| life.parse()).collect::<Result<_, _>>()?,
            then,
        })
    }
}

impl Course {
    /// The command that repeats it.
    pub fn replay(&self) -> String {
        format!("SHARDCTL_REPLAY='{self}' cargo test --test it crash_points::replay -- --nocapture")
    }

    /// Plays it; what went wrong, each a sentence.
    pub fn play(&self) -> Vec<String> {
        let all = cases::all();
        let Some(case) = all.iter().find(|case| case.name == self.case) else {
            return vec![format!("there is no case {}", self.case)];
        };
        let (stage, first) = case.stage();
        self.play_from(case, stage, &first)
    }

    /// As [`play`](Self::play), from where the case begins.
    pub fn play_from(&self, case: &Case, mut stage: Stage, first: &Arc<Store>) -> Vec<String> {
        let mut wrong = Vec::new();
        for faults in &self.lives {
            let played = play(stage, &with(&case.command, faults));
            if let Ended::Failed(why) = &played.ended
                && why.starts_with("it wasn't over")
            {
                wrong.push(why.clone());
            }
            if self.then == Then::Nothing {
                return judge(case, first, &played, &case.left);
            }
            stage = played.stage;
        }
        wrong.extend(goes_on(case, first, stage.mended(), self.then));
        wrong
    }
}

fn with(command: &Command, faults: &Faults) -> Act {
    Act {
        command: command.clone(),
        faults: faults.clone(),
    }
}

/// What goes wrong where it goes on after everything that goes wrong.
pub fn goes_on(case: &Case, first: &Arc<Store>, mut stage: Stage, then: Then) -> Vec<String> {
    let nothing = Faults::default();
    // Who gave the node back has no node to drain any more.
    let released = is_released(first, &stage.plane.store);
    if then != Then::Again || released {
        let healed = play(stage, &with(&Command::Recover, &nothing));
        let left = Left {
            released: released || is_released(first, &healed.stage.plane.store),
            ..Left::default()
        };
        let wrong = judge(case, first, &healed, &left);
        if then == Then::Recover || case.command == Command::Recover || released || !wrong.is_empty() {
            return wrong;
        }
        stage = healed.stage;
    }
    let again = play(stage, &with(&case.command, &nothing));
    judge(case, first, &again, &case.left)
}

/// Whether the node that is drained was given back.
pub fn is_released(first: &Store, last: &Store) -> bool {
    let has = |store: &Store| {
        let mut claims = store.all(Kind::NodeClaims, None);
        claims.any(|claim| claim["status"]["nodeName"] == NODE && claim["metadata"]["deletionTimestamp"].is_null())
    };
    has(first) && !has(last)
}

/// What is wrong with how a life ended, and with what it left.
pub fn judge(case: &Case, first: &Arc<Store>, played: &Played, left: &Left) -> Vec<String> {
    let mut wrong = played.broken.clone();
    // An undo that has finished isn't undone by asking for it again.
    let undo = matches!(
        &case.command,
        Command::Upgrade(Upgrade {
            goal: Goal::Undo { .. },
            ..
        })
    );
    let (well, idle) = match &played.ended {
        Ended::Itself(outcome) => (
            matches!(outcome.end, End::Done | End::NothingToDo),
            outcome.end == End::NothingToDo,
        ),
        Ended::Failed(why) => (undo && why.contains("was an undo itself"), true),
        Ended::Died => (false, false),
    };
    if !well {
        wrong.push(format!("it ended otherwise: {}", ended(&played.ended)));
    }
    let left = Left {
        // Who has nothing to do writes nothing: what a dead one held runs out by itself.
        lock: left.lock || idle,
        ..left.clone()
    };
    wrong.extend(at_rest(case.scene, first, &played.stage.plane.store, &left));
    wrong
}

fn ended(ended: &Ended) -> String {
    match ended {
        Ended::Itself(outcome) => format!("{:?}: {}", outcome.end, outcome.summary),
        Ended::Failed(why) => why.clone(),
        Ended::Died => "it died".to_owned(),
    }
}
