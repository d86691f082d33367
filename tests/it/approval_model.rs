//! What approvals have to be like, written a second time and as plainly as possible: one change, a few people, a clock. It
//! shares no code with the engine's rules; `approvals` drives both with the same commands.

use std::collections::BTreeSet;

use codeblue::platform::Role;

/// Minutes since the beginning.
pub type Minute = i64;

#[derive(Debug, Clone, Default)]
pub struct Person {
    pub roles: BTreeSet<Role>,
    pub disabled: bool,
    /// Whose other name this is.
    pub of: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct Deputy {
    from: usize,
    to: usize,
    role: Role,
    since: Minute,
    until: Minute,
}

#[derive(Debug, Clone)]
pub struct Vote {
    by: usize,
    behalf: Option<usize>,
    role: Option<Role>,
    roles: BTreeSet<Role>,
    round: u32,
    at: Minute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Waits,
    Agreed,
    Runs,
    Done,
    Rejected(usize),
    Gone,
}

#[derive(Debug, Clone)]
pub struct Wish {
    pub plan: usize,
    pub round: u32,
    pub authors: BTreeSet<usize>,
    pub votes: Vec<Vote>,
    pub stage: Stage,
    pub expires: Minute,
    pub window: Option<(Minute, Minute)>,
    pub runs: u32,
}

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Submit {
        by: usize,
        plan: usize,
        window: bool,
    },
    Revise {
        by: usize,
        plan: usize,
    },
    /// With the plan and round that are in force, or those of the round before.
    Approve {
        by: usize,
        stale: bool,
    },
    ApproveFor {
        by: usize,
        from: usize,
    },
    Reject {
        by: usize,
    },
    Revoke {
        by: usize,
    },
    Withdraw {
        by: usize,
    },
    Delegate {
        from: usize,
        to: usize,
        role: Role,
        minutes: Minute,
    },
    EndDelegation {
        from: usize,
        to: usize,
    },
    SetRoles {
        who: usize,
        roles: u8,
    },
    Disable {
        who: usize,
    },
    Execute {
        by: usize,
    },
    Stop {
        by: usize,
    },
    Finish,
    Wait {
        minutes: Minute,
    },
    Restart,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub people: Vec<Person>,
    pub deputies: Vec<Deputy>,
    pub required: Vec<Role>,
    pub wish: Option<Wish>,
    pub now: Minute,
    pub decide_within: Minute,
}

impl Model {
    fn person(&self, name: usize) -> usize {
        self.people[name].of.unwrap_or(name)
    }

    pub fn acts(&self, name: usize) -> bool {
        !self.people[name].disabled && self.people[name].roles.iter().any(|role| *role != Role::Viewer)
    }

    fn stands(roles: &BTreeSet<Role>, asked: Role) -> bool {
        let ladder = [Role::Engineer, Role::TechnicalLead, Role::Cto];
        roles.contains(&asked)
            || ladder
                .iter()
                .position(|rung| *rung == asked)
                .is_some_and(|low| ladder[low..].iter().any(|rung| roles.contains(rung)))
    }

    fn wrote(&self, wish: &Wish, name: usize) -> bool {
        wish.authors.iter().any(|author| self.person(*author) == self.person(name))
    }

    fn deputies(&self, from: usize, to: usize) -> impl Iterator<Item = &Deputy> {
        let holds =
            move |one: &&Deputy| one.from == from && one.to == to && one.since <= self.now && self.now < one.until;
        self.deputies.iter().filter(holds)
    }

    /// For which of the roles asked a vote counts now, and as whom.
    fn counts(&self, wish: &Wish, vote: &Vote) -> Option<(BTreeSet<usize>, Vec<Role>)> {
        if vote.round != wish.round || !self.acts(vote.by) || self.wrote(wish, vote.by) {
            return None;
        }
        let Some(from) = vote.behalf else {
            let now = &self.people[vote.by].roles;
            let both = |role: &&Role| Self::stands(&vote.roles, **role) && Self::stands(now, **role);
            return Some(([self.person(vote.by)].into(), self.required.iter().filter(both).copied().collect()));
        };
        let role = vote.role?;
        let still = self.deputies.iter().any(|one| {
            one.from == from && one.to == vote.by && one.role == role && one.since <= vote.at && vote.at < one.until
        });
        if !still || !self.acts(from) || self.wrote(wish, from) || !Self::stands(&self.people[from].roles, role) {
            return None;
        }
        let fills = self.required.iter().filter(|asked| Self::stands(&[role].into(), **asked)).copied().collect();
        Some(([self.person(vote.by), self.person(from)].into(), fills))
    }

    /// How many of the roles asked can be filled at most, no person twice.
    fn filled(required: &[Role], votes: &[(BTreeSet<usize>, Vec<Role>)], used: &BTreeSet<usize>) -> usize {
        let Some((role, rest)) = required.split_first() else { return 0 };
        let free = votes.iter().filter(|(persons, roles)| roles.contains(role) && persons.is_disjoint(used));
        let with = free.map(|(persons, _)| 1 + Self::filled(rest, votes, &used.union(persons).copied().collect()));
        with.chain([Self::filled(rest, votes, used)]).max().unwrap_or(0)
    }

    fn agreed(&self, wish: &Wish, more: Option<&Vote>) -> usize {
        let votes: Vec<_> = wish.votes.iter().chain(more).filter_map(|vote| self.counts(wish, vote)).collect();
        Self::filled(&self.required, &votes, &BTreeSet::new())
    }

    pub fn missing(&self) -> usize {
        self.wish.as_ref().map_or(0, |wish| self.required.len() - self.agreed(wish, None))
    }

    fn has_voted(&self, wish: &Wish, name: usize) -> bool {
        let same = |other: usize| self.person(other) == self.person(name);
        wish.votes.iter().any(|vote| vote.round == wish.round && (same(vote.by) || vote.behalf.is_some_and(same)))
    }

    /// Does it, or says no.
    pub fn step(&mut self, op: Op) -> Result<(), ()> {
        let mut wish = self.wish.clone();
        let open =
            |wish: &Option<Wish>| wish.as_ref().is_some_and(|wish| matches!(wish.stage, Stage::Waits | Stage::Agreed));
        let allow = |yes: bool| if yes { Ok(()) } else { Err(()) };
        match op {
            Op::Submit { by, plan, window } => {
                allow(self.acts(by))?;
                wish = Some(Wish {
                    plan,
                    round: 1,
                    authors: [by].into(),
                    votes: Vec::new(),
                    stage: Stage::Waits,
                    expires: self.now + self.decide_within,
                    window: window.then_some((self.now + 61, self.now + 181)),
                    runs: 0,
                });
            }
            Op::Revise { by, plan } => {
                let rejected = matches!(wish.as_ref().ok_or(())?.stage, Stage::Rejected(_));
                allow(self.acts(by) && (open(&wish) || rejected))?;
                let wish = wish.as_mut().ok_or(())?;
                allow(wish.window.is_none_or(|(_, until)| self.now < until))?;
                if wish.plan != plan || rejected {
                    wish.plan = plan;
                    wish.round += 1;
                    wish.authors.insert(by);
                    wish.stage = Stage::Waits;
                    wish.expires = self.now + self.decide_within;
                }
            }
            Op::Approve { by, stale } => self.approve(wish.as_mut().ok_or(())?, by, None, stale)?,
            Op::ApproveFor { by, from } => self.approve(wish.as_mut().ok_or(())?, by, Some(from), false)?,
            Op::Reject { by } => {
                let wish = wish.as_mut().ok_or(())?;
                allow(self.acts(by) && matches!(wish.stage, Stage::Waits | Stage::Agreed) && !self.wrote(wish, by))?;
                wish.stage = Stage::Rejected(by);
            }
            Op::Revoke { by } => {
                let wish = wish.as_mut().ok_or(())?;
                allow(self.acts(by))?;
                if let Stage::Rejected(who) = wish.stage {
                    allow(self.person(who) == self.person(by) && self.now < wish.expires)?;
                    wish.stage = Stage::Waits;
                    self.settle(wish)?;
                } else {
                    let mine = |vote: &&Vote| vote.round == wish.round && (vote.by == by || vote.behalf == Some(by));
                    let voter = wish.votes.iter().find(mine).ok_or(())?.by;
                    allow(matches!(wish.stage, Stage::Waits | Stage::Agreed | Stage::Runs))?;
                    wish.votes.retain(|vote| vote.by != voter || vote.round != wish.round);
                    if wish.stage == Stage::Agreed {
                        wish.stage = Stage::Waits;
                    }
                }
            }
            Op::Withdraw { by } => {
                let rejected = matches!(wish.as_ref().ok_or(())?.stage, Stage::Rejected(_));
                allow(self.acts(by) && (open(&wish) || rejected))?;
                let wish = wish.as_mut().ok_or(())?;
                allow(self.wrote(wish, by))?;
                wish.stage = Stage::Gone;
            }
            Op::Delegate { from, to, role, minutes } => {
                let just_below = match role {
                    Role::Cto => Role::TechnicalLead,
                    Role::TechnicalLead => Role::Engineer,
                    other => other,
                };
                allow(self.acts(from) && Self::stands(&self.people[from].roles, role))?;
                allow(self.person(from) != self.person(to))?;
                allow(self.acts(to) && Self::stands(&self.people[to].roles, just_below))?;
                let (since, until) = (self.now, self.now + minutes);
                self.deputies.push(Deputy { from, to, role, since, until });
            }
            Op::EndDelegation { from, to } => {
                allow(self.acts(from))?;
                allow(self.deputies.iter().any(|one| one.from == from && one.to == to && one.until > self.now))?;
                self.deputies.retain(|one| one.from != from || one.to != to);
            }
            Op::SetRoles { who, roles } => {
                self.people[who] = Person { roles: roles_of(roles), disabled: false, of: self.people[who].of }
            }
            // Who leaves, leaves under every name.
            Op::Disable { who } => {
                for (place, person) in self.people.iter_mut().enumerate() {
                    person.disabled |= place == who || person.of == Some(who);
                }
            }
            Op::Execute { by } => {
                let held = self.held(wish.as_ref().ok_or(())?);
                allow(self.acts(by) && wish.as_ref().ok_or(())?.stage == Stage::Agreed)?;
                self.begin(wish.as_mut().ok_or(())?, held)?;
            }
            Op::Stop { by } => allow(self.acts(by) && wish.as_ref().ok_or(())?.stage == Stage::Runs)?,
            Op::Finish => {
                wish.iter_mut().filter(|wish| wish.stage == Stage::Runs).for_each(|wish| wish.stage = Stage::Done);
            }
            Op::Wait { minutes } => {
                self.wish = wish;
                (0..minutes).for_each(|_| self.minute());
                return Ok(());
            }
            Op::Restart => {}
        }
        self.wish = wish;
        Ok(())
    }

    fn approve(&self, wish: &mut Wish, by: usize, behalf: Option<usize>, stale: bool) -> Result<(), ()> {
        let allow = |yes: bool| if yes { Ok(()) } else { Err(()) };
        allow(self.acts(by) && !(stale && wish.round > 1))?;
        let again = wish.votes.iter().any(|vote| vote.by == by && vote.behalf == behalf && vote.round == wish.round);
        if again && matches!(wish.stage, Stage::Waits | Stage::Agreed) {
            return self.settle(wish);
        }
        allow(wish.window.is_none_or(|(_, until)| self.now < until))?;
        allow(wish.stage == Stage::Waits && self.now < wish.expires)?;
        for name in [Some(by), behalf].into_iter().flatten() {
            allow(self.acts(name) && !self.wrote(wish, name) && !self.has_voted(wish, name))?;
        }
        let places: Vec<Option<Role>> = match behalf {
            Some(from) => self.deputies(from, by).map(|deputy| Some(deputy.role)).collect(),
            None => vec![None],
        };
        let roles = self.people[by].roles.clone();
        let before = self.agreed(wish, None);
        let vote = |role| Vote { by, behalf, role, roles: roles.clone(), round: wish.round, at: self.now };
        let counts = places.into_iter().map(vote).find(|vote| self.agreed(wish, Some(vote)) > before);
        wish.votes.push(counts.ok_or(())?);
        self.settle(wish)
    }

    /// Once nobody's yes is missing it is agreed to, and begins unless it has a window.
    fn settle(&self, wish: &mut Wish) -> Result<(), ()> {
        let in_time = wish.window.is_none_or(|(_, until)| self.now < until) && self.now < wish.expires;
        if wish.stage == Stage::Waits && in_time && self.held(wish) {
            wish.stage = Stage::Agreed;
            if wish.window.is_none() {
                self.begin(wish, true)?;
            }
        }
        Ok(())
    }

    fn held(&self, wish: &Wish) -> bool {
        self.agreed(wish, None) == self.required.len()
    }

    /// What is agreed to begins, or, when the agreement does not hold any more, everybody is asked anew.
    fn begin(&self, wish: &mut Wish, held: bool) -> Result<(), ()> {
        if !held {
            wish.round += 1;
            wish.stage = Stage::Waits;
            wish.expires = self.now + self.decide_within;
            return Ok(());
        }
        if wish.window.is_some_and(|(from, until)| self.now < from || self.now >= until) {
            return Err(());
        }
        wish.stage = Stage::Runs;
        wish.runs += 1;
        Ok(())
    }

    /// A minute later, what time alone may do has happened: it begins what is agreed to, and it lets things lapse.
    fn minute(&mut self) {
        self.now += 1;
        let Some(mut wish) = self.wish.take() else { return };
        let held = self.held(&wish);
        if let (Stage::Agreed, Some((from, until))) = (wish.stage, wish.window) {
            if self.now >= until {
                wish.stage = Stage::Gone;
            } else if self.now >= from {
                let _ = self.begin(&mut wish, held);
            }
        } else if wish.stage == Stage::Waits && self.now >= wish.expires {
            wish.stage = Stage::Gone;
        }
        self.wish = Some(wish);
    }
}

/// A set of roles from five bits.
pub fn roles_of(bits: u8) -> BTreeSet<Role> {
    let all = [Role::Viewer, Role::Engineer, Role::TechnicalLead, Role::Cto, Role::ComplianceOfficer];
    let some: BTreeSet<Role> =
        all.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, role)| role).collect();
    if some.is_empty() { [Role::Engineer].into() } else { some }
}
