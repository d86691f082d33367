//! The two text forms that monitoring reads: OpenMetrics 1.0, and the older one of Prometheus.

use std::fmt::{Display, Write as _};

/// How figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// OpenMetrics 1.0.
    Open,
    /// The text format 0.0.4 of Prometheus.
    Plain,
}

impl Form {
    /// The form that a caller reads best.
    pub(super) fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::Open } else { Self::Plain }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only goes up; its name ends in `_total`.
    Counter,
    /// Quantiles of something.
    Summary,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Summary => "summary",
        }
    }
}

/// One value with its labels.
pub(super) type Row = (String, f64);

/// A page of figures.
pub(super) struct Exposition {
    form: Form,
    text: String,
}

impl Exposition {
    pub(super) fn new(form: Form) -> Self {
        Self { form, text: String::new() }
    }

    /// Adds all values of one name, which is without its prefix and its `_total`. What has no value is named all the same, so that
    /// whoever writes a rule sees that it is there.
    pub(super) fn family(&mut self, name: &str, help: &str, kind: Kind, rows: impl IntoIterator<Item = Row>) {
        let total = if kind == Kind::Counter { "_total" } else { "" };
        let told = if self.form == Form::Plain { total } else { "" };
        let text = &mut self.text;
        let _ = writeln!(text, "# HELP codeblue_{name}{told} {help}\n# TYPE codeblue_{name}{told} {}", kind.name());
        if self.form == Form::Open
            && let Some(unit) = ["seconds", "bytes", "ratio"].iter().find(|unit| name.ends_with(&format!("_{unit}")))
        {
            let _ = writeln!(text, "# UNIT codeblue_{name} {unit}");
        }
        for (labels, value) in rows {
            let _ = writeln!(text, "codeblue_{name}{total}{labels} {value}");
        }
    }

    /// The page.
    pub(super) fn end(mut self) -> String {
        if self.form == Form::Open {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Labels as they stand behind a name.
pub(super) fn labels<const N: usize>(pairs: [(&str, &dyn Display); N]) -> String {
    let mut text = String::from("{");
    for (place, (key, value)) in pairs.into_iter().enumerate() {
        let value = value.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{}{key}=\"{value}\"", if place == 0 { "" } else { "," });
    }
    text + "}"
}

/// A value without labels.
pub(super) fn plain(value: f64) -> [Row; 1] {
    [(String::new(), value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(form: Form) -> String {
        let mut page = Exposition::new(form);
        page.family("incidents", "Incidents.", Kind::Counter, [(labels([("severity", &"SEV1")]), 3.0)]);
        page.family("lag_seconds", "How late.", Kind::Gauge, plain(0.25));
        page.family("runs_open", "Runs.", Kind::Gauge, []);
        page.end()
    }

    #[test]
    fn both_forms_are_as_their_readers_expect() {
        let open = "# HELP codeblue_incidents Incidents.\n# TYPE codeblue_incidents counter\n\
            codeblue_incidents_total{severity=\"SEV1\"} 3\n\
            # HELP codeblue_lag_seconds How late.\n# TYPE codeblue_lag_seconds gauge\n# UNIT codeblue_lag_seconds seconds\n\
            codeblue_lag_seconds 0.25\n\
            # HELP codeblue_runs_open Runs.\n# TYPE codeblue_runs_open gauge\n# EOF\n";
        assert_eq!(page(Form::Open), open);
        let plain = "# HELP codeblue_incidents_total Incidents.\n# TYPE codeblue_incidents_total counter\n\
            codeblue_incidents_total{severity=\"SEV1\"} 3\n\
            # HELP codeblue_lag_seconds How late.\n# TYPE codeblue_lag_seconds gauge\n\
            codeblue_lag_seconds 0.25\n\
            # HELP codeblue_runs_open Runs.\n# TYPE codeblue_runs_open gauge\n";
        assert_eq!(page(Form::Plain), plain);
    }

    #[test]
    fn what_is_in_a_label_stays_in_it() {
        assert_eq!(labels([("a", &"x\"} 1\n\\"), ("b", &1)]), r#"{a="x\"} 1\n\\",b="1"}"#);
    }

    #[test]
    fn prometheus_gets_openmetrics_and_a_person_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(Form::accepted(prometheus), Form::Open);
        assert_eq!(Form::accepted("*/*"), Form::Plain);
    }
}
