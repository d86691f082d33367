//! `inventory`: what is in stock. It needs nobody, so it stays up when the others do not.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{Json, Router, extract::State, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{super::files, context::Context, failure::Failure, run::Serve};

pub(super) struct Inventory {
    context: Arc<Context>,
    stock: RwLock<Result<Arc<Vec<Item>>, String>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Item {
    item: String,
    count: u32,
    minimum: u32,
}

impl Inventory {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        let service = Self { context, stock: RwLock::new(Err("not counted yet".to_owned())) };
        service.reload();
        Arc::new(service)
    }

    fn stock(&self) -> Result<Arc<Vec<Item>>, Failure> {
        self.context.settings()?;
        self.stock.read().unwrap_or_else(PoisonError::into_inner).clone().map_err(Failure::broken)
    }
}

impl Serve for Inventory {
    fn version(&self) -> String {
        "1.8.0".to_owned()
    }

    fn reload(&self) {
        let read = files::read_json(&self.context.layout.service("inventory").join("stock.json"));
        let stock = match read {
            Ok(Some(stock)) => Ok(Arc::new(stock)),
            Ok(None) => Err("stock.json is missing".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(problem) = &stock {
            self.context.log.error(problem);
        }
        *self.stock.write().unwrap_or_else(PoisonError::into_inner) = stock;
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let stock = self.stock()?;
        let short = stock.iter().filter(|item| item.count < item.minimum).count();
        Ok(json!({ "items": stock.len(), "short": short }))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/stock", get(stock)).with_state(self)
    }
}

async fn stock(State(service): State<Arc<Inventory>>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "stock": *service.stock()? })))
}
