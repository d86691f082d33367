//! What approvals have to be like, written a second time and as plainly as possible: one change, a few people, a clock. It
//! shares no code with the engine's rules; `approvals` drives both with the same commands.

use std::collections::BTreeSet;

use codeblue::platform::Role;

use super::approvals::{Op, roles_of};

/// Minutes since the beginning.
pub type Minute = i64;
pub type Roles = BTreeSet<Role>;

#[derive(Debug, Clone, Default)]
pub struct Person {
    /// None once the person has left.
    pub roles: Roles,
    /// Whose other name this is.
    pub of: Option<usize>,
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

#[derive(Debug, Clone)]
pub struct Vote {
    by: usize,
    behalf: Option<usize>,
    /// What the voter was, or what was delegated.
    roles: Roles,
    at: Minute,
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub people: Vec<Person>,
    /// From whom, to whom, as what, since when and until when.
    pub deputies: Vec<(usize, usize, Role, Minute, Minute)>,
    pub required: Vec<Role>,
    pub wish: Option<Wish>,
    pub now: Minute,
}

const DECIDE_WITHIN: Minute = 8 * 60;
const LADDER: [Role; 3] = [Role::Engineer, Role::TechnicalLead, Role::Cto];

fn allow(yes: bool) -> Option<()> {
    yes.then_some(())
}

fn stands(roles: &Roles, asked: Role) -> bool {
    let low = LADDER.iter().position(|rung| *rung == asked);
    roles.contains(&asked) || low.is_some_and(|low| LADDER[low..].iter().any(|rung| roles.contains(rung)))
}

impl Model {
    fn same(&self, one: usize, other: usize) -> bool {
        self.people[one].of.unwrap_or(one) == self.people[other].of.unwrap_or(other)
    }

    pub fn acts(&self, name: usize) -> bool {
        self.people[name].roles.iter().any(|role| *role != Role::Viewer)
    }

    fn wrote(&self, wish: &Wish, name: usize) -> bool {
        wish.authors.iter().any(|author| self.same(*author, name))
    }

    /// As what somebody stands in for somebody else at a time.
    fn deputy(&self, from: usize, to: usize, at: Minute) -> impl Iterator<Item = Role> {
        let holds = move |one: &&(usize, usize, Role, Minute, Minute)| {
            one.0 == from && one.1 == to && one.3 <= at && at < one.4
        };
        self.deputies.iter().filter(holds).map(|one| one.2)
    }

    /// For which of the roles asked a vote counts now.
    fn counts(&self, wish: &Wish, vote: &Vote) -> Vec<Role> {
        let is_free = |name: usize| self.acts(name) && !self.wrote(wish, name);
        let who = vote.behalf.unwrap_or(vote.by);
        let holds = |asked: Role| stands(&self.people[who].roles, asked);
        let still = vote.behalf.is_none_or(|from| {
            let given = |role: Role| vote.roles.contains(&role) && holds(role);
            self.deputy(from, vote.by, vote.at).any(given)
        });
        let valid = is_free(vote.by) && is_free(who) && still;
        let fits = |asked: &Role| valid && stands(&vote.roles, *asked) && holds(*asked);
        self.required.iter().copied().filter(fits).collect()
    }

    /// How many of the roles asked can be filled at most, no person twice.
    fn filled(&self, required: &[Role], votes: &[(&Vote, Vec<Role>)]) -> usize {
        let Some((role, rest)) = required.split_first() else { return 0 };
        let fitting = votes.iter().filter(|(_, roles)| roles.contains(role)).map(|(vote, _)| {
            let others = votes.iter().filter(|(other, _)| !self.shares(vote, other)).cloned().collect::<Vec<_>>();
            1 + self.filled(rest, &others)
        });
        fitting.max().unwrap_or(0).max(self.filled(rest, votes))
    }

    fn shares(&self, one: &Vote, other: &Vote) -> bool {
        let other_is =
            |name: usize| self.same(name, other.by) || other.behalf.is_some_and(|from| self.same(name, from));
        other_is(one.by) || one.behalf.is_some_and(other_is)
    }

    fn agreed(&self, wish: &Wish, more: Option<&Vote>) -> usize {
        let votes: Vec<_> = wish.votes.iter().chain(more).map(|vote| (vote, self.counts(wish, vote))).collect();
        self.filled(&self.required, &votes)
    }

    pub fn missing(&self, wish: &Wish) -> usize {
        self.required.len() - self.agreed(wish, None)
    }

    /// Does it, or says no.
    pub fn step(&mut self, op: Op) -> Option<()> {
        let acting = op.by();
        allow(acting.is_none_or(|by| self.acts(by)))?;
        let by = acting.unwrap_or_default();
        let mut wish = self.wish.clone();
        match (op, &mut wish) {
            (Op::Submit(_, plan, window), wish) => {
                let (authors, stage) = ([by].into(), Stage::Waits);
                let (expires, window) = (self.now + DECIDE_WITHIN, window.then_some((self.now + 61, self.now + 181)));
                *wish = Some(Wish { plan, round: 1, authors, votes: Vec::new(), stage, expires, window, runs: 0 });
            }
            (Op::Delegate(_, to, role, minutes), _) => {
                let rung = LADDER.iter().position(|rung| *rung == role);
                let just_below = rung.map_or(role, |rung| LADDER[rung.saturating_sub(1)]);
                allow(stands(&self.people[by].roles, role) && !self.same(by, to))?;
                allow(self.acts(to) && stands(&self.people[to].roles, just_below))?;
                self.deputies.push((by, to, role, self.now, self.now + minutes));
            }
            (Op::EndDelegation(_, to), _) => {
                allow(self.deputies.iter().any(|one| (one.0, one.1) == (by, to) && one.4 > self.now))?;
                self.deputies.retain(|one| (one.0, one.1) != (by, to));
            }
            (Op::SetRoles(who, roles), _) => self.people[who].roles = roles_of(roles),
            // Who leaves, leaves under every name.
            (Op::Disable(who), _) => {
                let names = self.people.iter_mut().enumerate();
                names.filter(|(name, one)| *name == who || one.of == Some(who)).for_each(|(_, one)| one.roles.clear());
            }
            (Op::Wait(minutes), wish) => {
                (0..minutes).for_each(|_| self.minute());
                wish.clone_from(&self.wish);
            }
            (Op::Restart, _) => {}
            (op, wish) => self.decide(wish.as_mut()?, by, op)?,
        }
        self.wish = wish;
        Some(())
    }

    /// What is done to the change itself.
    fn decide(&self, wish: &mut Wish, by: usize, op: Op) -> Option<()> {
        let is_open = matches!(wish.stage, Stage::Waits | Stage::Agreed);
        let rejected = matches!(wish.stage, Stage::Rejected(_));
        let is_over = wish.window.is_some_and(|(_, until)| self.now >= until);
        match (op, wish.stage) {
            (Op::Revise(_, plan), _) => {
                allow((is_open || rejected) && !is_over)?;
                if wish.plan != plan || rejected {
                    wish.plan = plan;
                    wish.authors.insert(by);
                    self.ask_anew(wish);
                }
            }
            (Op::Approve(_, stale), _) => {
                allow(!stale || wish.round == 1)?;
                self.approve(wish, by, None, is_over)?;
            }
            (Op::ApproveFor(_, from), _) => self.approve(wish, by, Some(from), is_over)?,
            (Op::Reject(_), _) => {
                allow(is_open && !self.wrote(wish, by))?;
                wish.stage = Stage::Rejected(by);
            }
            (Op::Revoke(_), Stage::Rejected(who)) => {
                allow(self.same(who, by) && self.now < wish.expires)?;
                wish.stage = Stage::Waits;
                self.settle(wish)?;
            }
            (Op::Revoke(_), stage) => {
                let voter = wish.votes.iter().find(|vote| vote.by == by || vote.behalf == Some(by))?.by;
                allow(is_open || stage == Stage::Runs)?;
                wish.votes.retain(|vote| vote.by != voter);
                wish.stage = if is_open { Stage::Waits } else { stage };
            }
            (Op::Withdraw(_), _) => {
                allow((is_open || rejected) && self.wrote(wish, by))?;
                wish.stage = Stage::Gone;
            }
            (Op::Execute(_), Stage::Agreed) => self.begin(wish)?,
            (Op::Stop(_), Stage::Runs) => {}
            (Op::Finish, stage) => wish.stage = if stage == Stage::Runs { Stage::Done } else { stage },
            _ => return None,
        }
        Some(())
    }

    fn approve(&self, wish: &mut Wish, by: usize, behalf: Option<usize>, is_over: bool) -> Option<()> {
        let is_mine = |vote: &Vote| (vote.by, vote.behalf) == (by, behalf);
        if wish.votes.iter().any(is_mine) && matches!(wish.stage, Stage::Waits | Stage::Agreed) {
            return self.settle(wish);
        }
        allow(!is_over && wish.stage == Stage::Waits && self.now < wish.expires)?;
        let vote = |roles| Vote { by, behalf, roles, at: self.now };
        let has_voted = wish.votes.iter().any(|given| self.shares(given, &vote(Roles::new())));
        let is_free = |name| self.acts(name) && !self.wrote(wish, name);
        allow(!has_voted && is_free(by) && behalf.is_none_or(is_free))?;
        let places: Vec<Roles> = match behalf {
            Some(from) => self.deputy(from, by, self.now).map(|role| [role].into()).collect(),
            None => vec![self.people[by].roles.clone()],
        };
        let before = self.agreed(wish, None);
        let counts = places.into_iter().map(vote).find(|vote| self.agreed(wish, Some(vote)) > before);
        wish.votes.push(counts?);
        self.settle(wish)
    }

    /// Once nobody's yes is missing it is agreed to, and begins unless it has a window.
    fn settle(&self, wish: &mut Wish) -> Option<()> {
        let in_time = wish.window.is_none_or(|(_, until)| self.now < until) && self.now < wish.expires;
        if wish.stage == Stage::Waits && in_time && self.missing(wish) == 0 {
            wish.stage = Stage::Agreed;
            return if wish.window.is_none() { self.begin(wish) } else { Some(()) };
        }
        Some(())
    }

    fn ask_anew(&self, wish: &mut Wish) {
        wish.round += 1;
        wish.votes.clear();
        wish.stage = Stage::Waits;
        wish.expires = self.now + DECIDE_WITHIN;
    }

    /// What is agreed to begins, or, when the agreement does not hold any more, everybody is asked anew.
    fn begin(&self, wish: &mut Wish) -> Option<()> {
        if self.missing(wish) > 0 {
            self.ask_anew(wish);
            return Some(());
        }
        allow(wish.window.is_none_or(|(from, until)| (from..until).contains(&self.now)))?;
        wish.stage = Stage::Runs;
        wish.runs += 1;
        Some(())
    }

    /// A minute later, what time alone may do has happened: it begins what is agreed to, and it lets things lapse.
    fn minute(&mut self) {
        self.now += 1;
        let Some(mut wish) = self.wish.take() else { return };
        match (wish.stage, wish.window) {
            (Stage::Agreed, Some((_, until))) if self.now >= until => wish.stage = Stage::Gone,
            (Stage::Agreed, Some((from, _))) if self.now >= from => self.begin(&mut wish).unwrap_or_default(),
            (Stage::Waits, _) if self.now >= wish.expires => wish.stage = Stage::Gone,
            _ => {}
        }
        self.wish = Some(wish);
    }
}
