//! Runs the decision core over simulated clinic days and scores it against their ground truth.
//! It is the only place that knows both: the error model may not know the rules, the rules may not
//! know the truth.

mod clinic;
mod months;
mod run;
mod scenes;
mod score;
mod targets;

pub use months::{MonthsScore, months};
pub use run::{SaidFinding, diary, run, said};
pub use scenes::{ProfileScore, SceneScore, profile, scene_diary};
pub use score::{DayTally, Recall, Score};
pub use targets::{SimulationTarget, absence_target, months_targets, profile_targets, targets};
