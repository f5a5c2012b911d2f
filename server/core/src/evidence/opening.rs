//! The life of one opening of sealed pictures, as a pure state machine: `(opening, step, now) →
//! opening or a refusal`.
//!
//! `Taken → Requested → Approved → Released → Delivered → Open → Expired | Destroyed`, or
//! `Refused`. One supervisor asks, one reviewer whom they name decides, nobody else takes a step of
//! theirs. This file reads no clock, stores nothing, holds no key and never sees a picture.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use protocol::evidence::CustodianRole;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long the named reviewer has to decide, and the box to take the order.
pub const DECIDE: SignedDuration = SignedDuration::from_hours(24);
/// How long a box that has taken the order may be away before it delivers.
pub const DELIVER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long both see what was delivered.
pub const SEE: SignedDuration = SignedDuration::from_hours(72);

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OpeningState {
    /// On the box, sealed; nobody asked.
    Taken,
    Requested,
    Refused,
    /// Both agree; the box has not been told yet.
    Approved,
    /// The box was told.
    Released,
    /// Every picture came, or is known to be lost.
    Delivered,
    /// Somebody looked.
    Open,
    /// Its time ran out: what was delivered is deleted here.
    Expired,
    /// The pictures are gone from the box.
    Destroyed,
}

impl OpeningState {
    pub const ALL: [Self; 9] = [
        Self::Taken,
        Self::Requested,
        Self::Refused,
        Self::Approved,
        Self::Released,
        Self::Delivered,
        Self::Open,
        Self::Expired,
        Self::Destroyed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Requested => "requested",
            Self::Refused => "refused",
            Self::Approved => "approved",
            Self::Released => "released",
            Self::Delivered => "delivered",
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Destroyed => "destroyed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Taken => "封存于设备",
            Self::Requested => "待审批",
            Self::Refused => "已拒绝",
            Self::Approved => "已批准",
            Self::Released => "等待设备送达",
            Self::Delivered => "已送达",
            Self::Open => "已打开",
            Self::Expired => "已到期",
            Self::Destroyed => "已销毁",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Taken => "sealed on the box",
            Self::Requested => "waits for approval",
            Self::Refused => "refused",
            Self::Approved => "approved",
            Self::Released => "waits for the box",
            Self::Delivered => "delivered",
            Self::Open => "opened",
            Self::Expired => "run out",
            Self::Destroyed => "destroyed",
        }
    }

    /// Somebody may still see something by it: a second request for the same alert waits.
    pub fn is_live(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::Approved | Self::Released | Self::Delivered | Self::Open
        )
    }

    /// The ciphertext may be fetched by the two.
    pub fn is_visible(self) -> bool {
        matches!(self, Self::Delivered | Self::Open)
    }
}

/// What a supervisor asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// Login name.
    pub by: String,
    /// The reviewer who decides: another person's login name.
    pub reviewer: String,
    /// Case or lead number.
    pub case_number: String,
    pub basis: String,
    pub purpose: String,
    /// Of one alert and one box.
    pub items: Vec<String>,
}

/// How one picture stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
#[schemars(rename = "Delivery")]
pub enum PictureDelivery {
    Waiting,
    Arrived,
    /// The box has it no more, or what it sent is not what its chain names.
    Lost {
        why: String,
    },
}

/// "The same person as on the registry photograph?"
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamePerson {
    Yes,
    No,
    CannotTell,
}

impl SamePerson {
    pub const ALL: [Self; 3] = [Self::Yes, Self::No, Self::CannotTell];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::CannotTell => "cannot_tell",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Yes => "是同一人",
            Self::No => "不是同一人",
            Self::CannotTell => "无法判断",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Yes => "the same person",
            Self::No => "another person",
            Self::CannotTell => "cannot tell",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Answer")]
pub struct ComparisonAnswer {
    pub by: String,
    /// RFC 3339 UTC ms.
    #[schemars(with = "String")]
    pub at: Timestamp,
    pub same_person: SamePerson,
}

/// Who of the two is a custodian at the time of a step: one may have been removed since the
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustodianStanding {
    pub requester: bool,
    pub reviewer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpeningAction<'a> {
    Approve {
        by: &'a str,
        standing: CustodianStanding,
    },
    Refuse {
        by: &'a str,
        reason: &'a str,
    },
    /// The release order was handed to the box's channel.
    Release,
    /// The box checked both signatures and takes the order.
    Taken,
    /// The box does not take the order.
    Declined {
        why: &'a str,
    },
    Arrived {
        item: &'a str,
    },
    Lost {
        item: &'a str,
        why: &'a str,
    },
    Look {
        by: &'a str,
    },
    Answer {
        by: &'a str,
        same_person: SamePerson,
    },
    /// Looks whether its time is over.
    Expire,
    /// The box said that it deleted these pictures, or retention asks for it.
    Destroy,
}

/// All that the machine remembers of one opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    pub state: OpeningState,
    pub ask: Ask,
    #[schemars(with = "String")]
    pub asked_at: Timestamp,
    /// Until when the present state lasts.
    #[schemars(with = "String")]
    pub until: Timestamp,
    pub refused_because: Option<String>,
    pub items: BTreeMap<String, PictureDelivery>,
    /// At most one a person.
    pub answers: Vec<ComparisonAnswer>,
    /// Who has looked: nobody else answers.
    #[serde(default)]
    pub looked: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningRefusal {
    #[error("`{step}` is not possible while the opening is `{state}`")]
    NotNow { step: &'static str, state: &'static str },
    #[error("you asked for this yourself: another person decides")]
    SamePerson,
    #[error("this request is another person's to decide, or to see")]
    NotYours,
    #[error("a refusal needs a reason")]
    NoReason,
    #[error("its time has run out: a new request is needed")]
    RanOut,
    #[error(
        "`{who}` is no custodian any more: nothing was approved; a new request by a custodian is \
        needed"
    )]
    Removed { who: String },
    #[error("`{who}` is no custodian any more: what two custodians opened is shown to custodians")]
    Left { who: String },
    #[error(
        "`{who}` is the last custodian who holds version {version} of his role's key: without him \
        its pictures open never again; let another in first"
    )]
    LastHolder { who: String, version: u32 },
    #[error(
        "the boxes here believe the custodians of `{upper}`, above you: a roll of your own would \
        shut them out; ask there to be let in"
    )]
    UpperRoll { upper: String },
    #[error("`{item}` is no picture of this opening")]
    NoSuchItem { item: String },
    #[error(
        "picture `{item}` is not the one that its box signed into the chain: nothing of it is \
        shown; keep the database as it stands, and ask who can write it"
    )]
    NotInChain { item: String },
    #[error("you have not looked yourself: open the pictures before you answer")]
    NotLooked,
    #[error(
        "no registry photograph of anybody in this finding is here: there is nothing to compare \
        with, and the answer can only be that nobody can tell"
    )]
    NothingToCompare,
    #[error("{field}: say it, 1 to {most} characters")]
    Missing { field: &'static str, most: usize },
}

impl OpeningRefusal {
    pub fn zh(&self) -> String {
        match self {
            Self::NotNow { state, .. } => {
                let state = OpeningState::parse(state).map_or("", OpeningState::zh);
                format!("该申请目前为「{state}」，不能进行此操作")
            }
            Self::SamePerson => "不能审批自己提出的申请，须由另一人决定".to_owned(),
            Self::NotYours => "该申请不由您审批或查看".to_owned(),
            Self::NoReason => "请填写拒绝原因".to_owned(),
            Self::RanOut => "申请已过时限，须重新申请".to_owned(),
            Self::Removed { who } => {
                format!("「{who}」已不再是保管人：未批准任何内容，须由现任保管人重新申请")
            }
            Self::Left { who } => format!("「{who}」已不再是保管人，不能再查看或处理该申请"),
            Self::LastHolder { who, version } => format!(
                "「{who}」是该角色密钥第 {version} 版的最后持有人，移除后其画面再也打不开：请先准\
                入另一人"
            ),
            Self::UpperRoll { upper } => format!(
                "本辖区设备只认上级辖区「{upper}」的保管人，不能另设保管人名册（否则设备将拒绝放\
                行）：请向上级辖区申请"
            ),
            Self::NoSuchItem { item } => format!("「{item}」不是该申请的画面"),
            Self::NotInChain { item } => format!(
                "画面「{item}」与设备签名的记录链不符，不予显示：请保全数据库现状，并核查谁有权写入"
            ),
            Self::NotLooked => "您本人尚未查看画面：请先打开画面再作答".to_owned(),
            Self::NothingToCompare => {
                "主管部门没有本线索相关人员的注册照片，无从比对，只能答「无法判断」".to_owned()
            }
            Self::Missing { field, most } => format!("{field}：请填写，1 至 {most} 字"),
        }
    }
}

impl OpeningAction<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Refuse { .. } => "refuse",
            Self::Release => "release",
            Self::Taken => "taken",
            Self::Declined { .. } => "declined",
            Self::Arrived { .. } => "arrived",
            Self::Lost { .. } => "lost",
            Self::Look { .. } => "look",
            Self::Answer { .. } => "answer",
            Self::Expire => "expire",
            Self::Destroy => "destroy",
        }
    }
}

impl Opening {
    /// The request itself: the step from `Taken`.
    pub fn request(ask: Ask, now: Timestamp) -> Result<Self, OpeningRefusal> {
        for (field, text, most) in [
            ("case_number", &ask.case_number, 60),
            ("basis", &ask.basis, 400),
            ("purpose", &ask.purpose, 400),
        ] {
            if text.trim().is_empty() || text.chars().count() > most {
                return Err(OpeningRefusal::Missing { field, most });
            }
        }
        if ask.items.is_empty() {
            return Err(OpeningRefusal::Missing { field: "items", most: 60 });
        }
        if ask.by == ask.reviewer {
            return Err(OpeningRefusal::SamePerson);
        }
        let items = ask.items.iter().map(|item| (item.clone(), PictureDelivery::Waiting)).collect();
        Ok(Self {
            state: OpeningState::Requested,
            ask,
            asked_at: now,
            until: now + DECIDE,
            refused_because: None,
            items,
            answers: Vec::new(),
            looked: BTreeSet::new(),
        })
    }

    /// The opening after `step`; `self` stays as it was when the step is refused.
    #[expect(clippy::match_same_arms, reason = "one line for each step of each state")]
    pub fn take(&self, step: &OpeningAction<'_>, now: Timestamp) -> Result<Self, OpeningRefusal> {
        let not_now = || OpeningRefusal::NotNow { step: step.name(), state: self.state.as_str() };
        match (self.state, step) {
            (state, OpeningAction::Destroy) if state != OpeningState::Destroyed => {
                Ok(self.at(OpeningState::Destroyed, now))
            }
            (state, OpeningAction::Expire) if state.is_live() && self.is_over(now) => {
                Ok(self.at(OpeningState::Expired, now))
            }
            (_, OpeningAction::Destroy | OpeningAction::Expire) => Ok(self.clone()),
            (OpeningState::Requested, OpeningAction::Approve { by, standing }) => {
                self.decider(by)?;
                self.in_time(now)?;
                self.both_stand(*standing)?;
                Ok(self.at(OpeningState::Approved, self.until))
            }
            (OpeningState::Requested, OpeningAction::Refuse { by, reason }) => {
                self.decider(by)?;
                self.in_time(now)?;
                let reason = reason.trim();
                if reason.is_empty() {
                    return Err(OpeningRefusal::NoReason);
                }
                let because = Some(reason.chars().take(400).collect());
                Ok(Self { refused_because: because, ..self.at(OpeningState::Refused, now) })
            }
            (OpeningState::Approved, OpeningAction::Release) => {
                self.in_time(now)?;
                Ok(self.at(OpeningState::Released, self.until))
            }
            // An order that is sent again changes nothing.
            (OpeningState::Released, OpeningAction::Release) => Ok(self.clone()),
            // Said again, it prolongs nothing.
            (OpeningState::Released, OpeningAction::Taken) => {
                let last = self.asked_at + DECIDE + DELIVER;
                Ok(self.at(OpeningState::Released, last.min(now + DELIVER)))
            }
            (OpeningState::Released, OpeningAction::Declined { why }) => {
                let because = Some(why.chars().take(400).collect());
                Ok(Self { refused_because: because, ..self.at(OpeningState::Refused, now) })
            }
            (
                OpeningState::Released | OpeningState::Delivered | OpeningState::Open,
                OpeningAction::Arrived { item },
            ) => {
                self.in_time(now)?;
                self.settle(item, PictureDelivery::Arrived, now)
            }
            (OpeningState::Released, OpeningAction::Lost { item, why }) => {
                let why = why.chars().take(400).collect();
                self.settle(item, PictureDelivery::Lost { why }, now)
            }
            (OpeningState::Delivered | OpeningState::Open, OpeningAction::Look { by }) => {
                self.one_of_the_two(by)?;
                self.in_time(now)?;
                let mut next = self.at(OpeningState::Open, self.until);
                next.looked.insert((*by).to_owned());
                Ok(next)
            }
            (OpeningState::Open, OpeningAction::Answer { by, same_person }) => {
                self.one_of_the_two(by)?;
                self.in_time(now)?;
                if !self.looked.contains(*by) {
                    return Err(OpeningRefusal::NotLooked);
                }
                let mut next = self.clone();
                next.answers.retain(|a| a.by != *by);
                let by = (*by).to_owned();
                next.answers.push(ComparisonAnswer { by, at: now, same_person: *same_person });
                Ok(next)
            }
            _ => Err(not_now()),
        }
    }

    /// Whether its present state has lasted as long as it may.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.state.is_live() && now >= self.until
    }

    /// Whether this person asked or decided, and so may see it.
    pub fn is_of(&self, name: &str) -> bool {
        self.role_in(name).is_some()
    }

    /// Which of the two somebody is; none: another person.
    pub fn role_in(&self, name: &str) -> Option<CustodianRole> {
        let of = |account: &str, role| (account == name).then_some(role);
        of(&self.ask.by, CustodianRole::Supervisor)
            .or_else(|| of(&self.ask.reviewer, CustodianRole::Reviewer))
    }

    fn at(&self, state: OpeningState, until: Timestamp) -> Self {
        Self { state, until, ..self.clone() }
    }

    fn in_time(&self, now: Timestamp) -> Result<(), OpeningRefusal> {
        if self.is_over(now) { Err(OpeningRefusal::RanOut) } else { Ok(()) }
    }

    fn decider(&self, by: &str) -> Result<(), OpeningRefusal> {
        if by == self.ask.by {
            return Err(OpeningRefusal::SamePerson);
        }
        if by == self.ask.reviewer { Ok(()) } else { Err(OpeningRefusal::NotYours) }
    }

    fn one_of_the_two(&self, by: &str) -> Result<(), OpeningRefusal> {
        if self.is_of(by) { Ok(()) } else { Err(OpeningRefusal::NotYours) }
    }

    fn both_stand(&self, standing: CustodianStanding) -> Result<(), OpeningRefusal> {
        let removed = match standing {
            CustodianStanding { requester: false, .. } => &self.ask.by,
            CustodianStanding { reviewer: false, .. } => &self.ask.reviewer,
            _ => return Ok(()),
        };
        Err(OpeningRefusal::Removed { who: removed.clone() })
    }

    /// Writes down what became of one picture. With the last of them it is delivered, and the time
    /// to look begins; where none came there is nothing to open.
    fn settle(
        &self,
        item: &str,
        is: PictureDelivery,
        now: Timestamp,
    ) -> Result<Self, OpeningRefusal> {
        let mut next = self.clone();
        let Some(slot) = next.items.get_mut(item) else {
            return Err(OpeningRefusal::NoSuchItem { item: item.chars().take(80).collect() });
        };
        // What came stays: a later word that it is lost is the box's, about its own copy.
        if *slot != PictureDelivery::Arrived {
            *slot = is;
        }
        if self.state != OpeningState::Released
            || next.items.values().any(|d| *d == PictureDelivery::Waiting)
        {
            return Ok(next);
        }
        let any = next.items.values().any(|d| *d == PictureDelivery::Arrived);
        Ok(if any {
            next.at(OpeningState::Delivered, now + SEE)
        } else {
            next.at(OpeningState::Destroyed, now)
        })
    }
}

#[cfg(test)]
mod tests;
