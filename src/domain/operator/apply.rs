//! What is true of people after an event.

use crate::{
    domain::{ApiToken, ClientCertificate, Event, FactorReset, Operator, PublicKey, Recorded, SecondFactor, State},
    platform::Role,
};

use super::{refused, second_factor};

/// Makes people and their credentials what they are after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::OperatorAdded { name, roles, login } => {
            let operator = state.operators.entry(name.clone()).or_default();
            operator.name.clone_from(name);
            operator.roles.clone_from(roles);
            operator.login.clone_from(login);
            operator.disabled = false;
        }
        Event::FirstOperatorMade { name, login, .. } => {
            let operator = state.operators.entry(name.clone()).or_default();
            *operator = Operator {
                name: name.clone(),
                roles: [Role::TechnicalLead].into(),
                login: Some(login.clone()),
                ..Operator::default()
            };
        }
        Event::OperatorLinked { name, belongs_to } => {
            change(state, name, |operator| operator.belongs_to = Some(belongs_to.clone()));
        }
        Event::RolesChanged { name, roles } => change(state, name, |operator| operator.roles.clone_from(roles)),
        Event::OperatorDisabled { name, .. } => {
            change(state, name, |operator| operator.disabled = true);
            // A token or a certificate does not come back with its operator.
            for token in state.credentials.tokens.values_mut().filter(|token| token.operator == *name) {
                token.revoked_at.get_or_insert(at);
            }
            for known in state.credentials.certificates.values_mut().filter(|known| known.operator == *name) {
                known.revoked_at.get_or_insert(at);
            }
        }
        Event::OperatorEnabled { name, .. } => change(state, name, |operator| operator.disabled = false),
        Event::KeyAdded { operator, fingerprint, openssh } => change(state, operator, |operator| {
            operator.keys.insert(fingerprint.clone(), PublicKey { openssh: openssh.clone(), since: at });
        }),
        Event::KeyRemoved { operator, fingerprint } => change(state, operator, |operator| {
            operator.keys.remove(fingerprint);
        }),
        Event::SecondFactorEnrolled { operator, step } => {
            change(state, operator, |operator| {
                operator.second_factor = Some(SecondFactor { since: at, last_step: *step });
            });
            state.credentials.wrong_codes.remove(operator);
        }
        Event::SecondFactorUsed { operator, step } => {
            change(state, operator, |operator| {
                if let Some(factor) = &mut operator.second_factor {
                    factor.last_step = factor.last_step.max(*step);
                }
            });
            state.credentials.wrong_codes.remove(operator);
        }
        Event::SecondFactorRemoved { operator } => {
            change(state, operator, |operator| operator.second_factor = None);
            state.credentials.wrong_codes.remove(operator);
        }
        Event::SecondFactorReset { operator, reason } => {
            change(state, operator, |operator| {
                operator.second_factor = None;
                let (by, reason) = (recorded.actor.clone(), reason.clone());
                operator.factor_reset = Some(FactorReset { at, by, reason });
            });
            state.credentials.wrong_codes.remove(operator);
        }
        Event::WrongCodeGiven { .. } => second_factor::apply_wrong_code(state, recorded),
        Event::TokenCreated { token, name, operator, scope, hash, expires_at } => {
            let created = ApiToken {
                id: *token,
                name: name.clone(),
                operator: operator.clone(),
                scope: *scope,
                hash: hash.clone(),
                created_at: at,
                expires_at: *expires_at,
                revoked_at: None,
            };
            state.credentials.tokens.insert(*token, created);
        }
        Event::TokenRevoked { token } => {
            if let Some(token) = state.credentials.tokens.get_mut(token) {
                token.revoked_at.get_or_insert(at);
            }
        }
        Event::CertificateIssued { operator, serial, fingerprint, expires_at } => {
            let issued = ClientCertificate {
                serial: serial.clone(),
                operator: operator.clone(),
                fingerprint: fingerprint.clone(),
                issued_by: recorded.actor.clone(),
                issued_at: at,
                expires_at: *expires_at,
                revoked_at: None,
            };
            state.credentials.certificates.insert(serial.clone(), issued);
        }
        Event::CertificateRevoked { serial } => {
            if let Some(known) = state.credentials.certificates.get_mut(serial) {
                known.revoked_at.get_or_insert(at);
            }
        }
        Event::CommandRefused { .. } | Event::RefusalsNotListed { .. } => refused::apply(state, recorded),
        _ => {}
    }
}

fn change(state: &mut State, name: &str, how: impl FnOnce(&mut Operator)) {
    if let Some(operator) = state.operators.get_mut(name) {
        how(operator);
    }
}
