//! What the kernels of a mixture are divided by. It refuses to take a logarithm for each of them: a product has one.

/// Products of divisors are kept above its inverse and below it, so that many dimensions neither vanish nor overflow.
const LARGE: f64 = 1e200;

/// What the kernels of each component are divided by, as a product: one logarithm in the end for all dimensions.
#[derive(Debug)]
pub(super) struct Divisors {
    products: Vec<f64>,
    /// The logarithms of what was taken out of the products.
    logs: Vec<f64>,
}

impl Divisors {
    pub(super) fn new(components: usize) -> Self {
        Self { products: vec![1.0; components], logs: vec![0.0; components] }
    }

    pub(super) fn multiply(&mut self, component: usize, by: f64) {
        let product = self.products[component] * by;
        self.products[component] = product;
        if !(1.0 / LARGE..LARGE).contains(&product) {
            self.logs[component] += libm::log(product);
            self.products[component] = 1.0;
        }
    }

    /// Multiplies by what has this logarithm.
    pub(super) fn multiply_by_exp(&mut self, component: usize, log: f64) {
        self.logs[component] += log;
    }

    /// The logarithm of `share` over the component's product.
    pub(super) fn log_quotient(&self, component: usize, share: f64) -> f64 {
        libm::log(share / self.products[component]) - self.logs[component]
    }
}
