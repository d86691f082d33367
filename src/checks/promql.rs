//! What a Prometheus server answers to a query.

use std::time::Duration;

use serde_json::Value;

use super::{
    client::{Clients, Request},
    outcome::{Finding, line},
};
use crate::platform::{PromqlProbe, Reading};

/// So much of the labels of a series is quoted.
const QUOTE: usize = 80;

pub(super) async fn probe(clients: &Clients, probe: &PromqlProbe, within: Duration) -> Finding {
    let Some(url) = address(&probe.url, &probe.query) else { return Finding::bad("its address cannot be used") };
    let request = Request { url: &url, bearer: probe.key_file.as_deref(), ..Request::default() };
    let (answer, document) = match clients.ask_json(&request, within).await {
        Ok(answered) => answered,
        Err(finding) => return finding,
    };
    match series(&document) {
        Ok(series) => judge(&series, probe),
        Err(error) => Finding::bad(format!("{}, but {error}", answer.head)),
    }
}

fn address(base: &str, query: &str) -> Option<String> {
    let base = format!("{}/api/v1/query", base.trim_end_matches('/'));
    reqwest::Url::parse_with_params(&base, [("query", query)]).ok().map(String::from)
}

/// The values of an instant query, each with the labels of its series.
fn series(document: &Value) -> Result<Vec<(f64, String)>, String> {
    let data = document.get("data").filter(|_| document.get("status").is_some_and(|status| status == "success"));
    let told = data.and_then(|data| Some((data.get("resultType")?.as_str()?, data.get("result")?)));
    let Some((kind, result)) = told else { return Err("the answer is none of Prometheus".to_owned()) };
    match kind {
        "scalar" => Ok(vec![(value(result)?, String::new())]),
        "vector" => result.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(one).collect(),
        other => Err(format!("the query gives a {}, not one value for each series", line(other, 20))),
    }
}

fn one(series: &Value) -> Result<(f64, String), String> {
    let value = series.get("value").ok_or("a series has no value")?;
    let labels = series.get("metric").filter(|labels| labels.as_object().is_some_and(|labels| !labels.is_empty()));
    Ok((self::value(value)?, labels.map(|labels| format!(" {}", line(&labels.to_string(), QUOTE))).unwrap_or_default()))
}

/// `[time, "value"]`: the value is a string, because JSON has no infinity.
fn value(pair: &Value) -> Result<f64, String> {
    let text = pair.get(1).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).ok_or_else(|| "a value is no number".to_owned())
}

/// One series out of bounds is enough; the worst is named. One without a number hides what it would say.
fn judge(series: &[(f64, String)], probe: &PromqlProbe) -> Finding {
    if series.is_empty() {
        return Finding::bad("no data: the query finds no series");
    }
    if let Some((_, labels)) = series.iter().find(|(value, _)| value.is_nan()) {
        return Finding::bad(format!("no data: NaN{labels}"));
    }
    let high = probe.above.map(|above| (above.get(), "above"));
    let low = probe.below.map(|below| (below.get(), "below"));
    let highest = series.iter().max_by(|(a, _), (b, _)| a.total_cmp(b));
    let lowest = series.iter().min_by(|(a, _), (b, _)| a.total_cmp(b));
    let found = [
        high.zip(highest).filter(|((limit, _), (value, _))| value > limit),
        low.zip(lowest).filter(|((limit, _), (value, _))| value < limit),
    ];
    let many = if series.len() == 1 { String::new() } else { format!(", worst of {} series", series.len()) };
    if let Some(((limit, word), (value, labels))) = found.into_iter().flatten().next() {
        let detail = format!("{value} is {word} {limit}{many}{labels}");
        return Finding { reading: Reading::Slow, detail, figure: Some(*value) };
    }
    let worst = if high.is_some() { highest } else { lowest };
    let Some((value, _)) = worst else { return Finding::bad("no data: the query finds no series") };
    Finding { figure: Some(*value), ..Finding::good(format!("{value}{many}")) }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        extract::Query,
        http::{HeaderMap, StatusCode},
        routing::get,
    };
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Figure, Probe},
    };

    /// Answers in the shapes that Prometheus 2.42 gives; the query is the name of one.
    async fn prometheus() -> String {
        async fn answer(headers: HeaderMap, Query(asked): Query<Vec<(String, String)>>) -> (StatusCode, String) {
            let vector = |items: &str| {
                let head = r#"{"status":"success","data":{"resultType":"vector","result":["#;
                (StatusCode::OK, format!("{head}{items}]}}}}"))
            };
            match asked[0].1.as_str() {
                "one" => vector(r#"{"metric":{},"value":[1763740000.5,"3"]}"#),
                "two" => vector(
                    r#"{"metric":{"instance":"a"},"value":[1,"3"]},{"metric":{"instance":"b"},"value":[1,"7.5"]}"#,
                ),
                "endless" => vector(r#"{"metric":{},"value":[1,"+Inf"]}"#),
                "nan" => vector(r#"{"metric":{"job":"x"},"value":[1,"NaN"]}"#),
                "empty" => vector(""),
                "scalar" => {
                    (StatusCode::OK, r#"{"status":"success","data":{"resultType":"scalar","result":[1,"4"]}}"#.into())
                }
                "matrix" => {
                    (StatusCode::OK, r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.into())
                }
                "secret" if headers.get("authorization").is_some_and(|value| value == "Bearer opensesame") => {
                    vector(r#"{"metric":{},"value":[1,"1"]}"#)
                }
                _ => {
                    let error = r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\""}"#;
                    (StatusCode::BAD_REQUEST, error.to_owned())
                }
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/prom/api/v1/query", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/prom/")
    }

    async fn ask(url: &str, query: &str, above: Option<f64>, below: Option<f64>) -> Outcome {
        let (above, below) = (above.and_then(Figure::new), below.and_then(Figure::new));
        let probe = PromqlProbe { url: url.to_owned(), query: query.to_owned(), above, below, key_file: None };
        Prober::new().probe(&check(Probe::Promql(probe))).await
    }

    #[tokio::test]
    async fn values_are_held_against_their_bounds_and_no_data_is_no_good_news() {
        let url = prometheus().await;
        for (query, above, below, result, told) in [
            ("one", Some(3.0), None, Reading::Good, "3"),
            ("one", Some(2.5), None, Reading::Slow, "3 is above 2.5"),
            ("one", None, Some(3.0), Reading::Good, "3"),
            ("one", Some(9.0), Some(4.0), Reading::Slow, "3 is below 4"),
            ("scalar", Some(3.0), None, Reading::Slow, "4 is above 3"),
            ("two", Some(8.0), None, Reading::Good, "7.5, worst of 2 series"),
            ("two", Some(5.0), None, Reading::Slow, "7.5 is above 5, worst of 2 series {\"instance\":\"b\"}"),
            ("endless", Some(5.0), None, Reading::Slow, "inf is above 5"),
            ("nan", Some(5.0), None, Reading::Bad, "no data: NaN {\"job\":\"x\"}"),
            ("empty", Some(5.0), None, Reading::Bad, "no data: the query finds no series"),
        ] {
            let outcome = ask(&url, query, above, below).await;
            assert_eq!((outcome.result, outcome.detail.as_str()), (result, told), "{query}");
        }
        let outcome = ask(&url, "matrix", Some(1.0), None).await;
        assert!(outcome.detail.ends_with(", but the query gives a matrix, not one value for each series"));
        let outcome = ask(&url, "sum(", Some(1.0), None).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(
            outcome.detail.starts_with("HTTP 400 in ") && outcome.detail.ends_with("\"invalid parameter \"query\"\""),
            "{}",
            outcome.detail
        );
    }

    #[tokio::test]
    async fn a_token_is_read_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, "opensesame\n").unwrap();
        let probe = PromqlProbe {
            url: prometheus().await,
            query: "secret".to_owned(),
            above: Figure::new(3.0),
            below: None,
            key_file: Some(key_file),
        };
        let outcome = Prober::new().probe(&check(Probe::Promql(probe))).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
    }
}
