import type { Language } from "../types.ts";

const EN = {
  skip: "Skip to the products",
  signedIn: "Shopping as",
  guest: "a guest",
  theme: "Evening light",
  inspector: "Inspector",
  kicker: "Clothing · shoes · bags · home · hills",
  headline: "Woven by day, mended by lamplight.",
  lead: "Plain things, well made, and made to be mended. If something is unclear, ask: the lantern in the corner is always lit.",
  asks: "Where is my order?|Help me choose a jacket|I want to return something",
  shopTitle: "On the shelves",
  search: "Search the shop",
  categories: "Categories",
  all: "Everything",
  more: "Show more",
  counterTitle: "Good to know",
  reviews: "What shoppers say",
  sizes: "Sizes",
  colors: "Colours",
  demo: "Lantern & Loom is the demonstration shop of Shoptalk, an open, self-hosted shop assistant. Nothing here is for sale.",
  close: "Close",
  nothing: "Nothing on the shelves fits. Ask the lantern: it knows the stockroom.",
  unreachable: "The shelves cannot be shown just now. Please reload in a moment.",
  missing: "This page cannot be found.",
  ask: "Ask about this",
  askAbout: "I have a question about the {title}: ",
  stars: "{n} of 5 stars",
  soldOut: "Sold out",
  few: "Only {n} left",
  inStock: "In stock",
  chatTitle: "The lantern keeper",
  chatSubtitle: "Lantern & Loom · answers at once",
  welcome: "Good to see you. What are you looking for?",
  welcomeMore: "Orders, returns, sizes, presents: ask in English or Chinese.",
};

export type Word = keyof typeof EN;

const ZH: Record<Word, string> = {
  skip: "跳到商品",
  signedIn: "当前顾客",
  guest: "访客",
  theme: "夜间灯光",
  inspector: "检视器",
  kicker: "衣 · 鞋 · 包 · 家 · 山野",
  headline: "白日织布，灯下补衣。",
  lead: "朴素，耐用，坏了还能补。有什么不清楚的就问，角落里的灯笼一直亮着。",
  asks: "我的订单到哪了？|帮我挑一件夹克|我想退货",
  shopTitle: "货架上",
  search: "搜索商品",
  categories: "分类",
  all: "全部",
  more: "显示更多",
  counterTitle: "购物须知",
  reviews: "顾客评价",
  sizes: "尺码",
  colors: "颜色",
  demo: "灯织小铺是 Shoptalk（开源、自托管的商店助手）的演示店铺，商品不出售。",
  close: "关闭",
  nothing: "货架上没有符合的商品。问问灯笼吧，它熟悉仓库。",
  unreachable: "暂时无法显示货架，请稍后刷新。",
  missing: "找不到这个页面。",
  ask: "咨询这件商品",
  askAbout: "我想了解一下{title}：",
  stars: "{n} 星（满分 5 星）",
  soldOut: "已售罄",
  few: "仅剩 {n} 件",
  inStock: "有货",
  chatTitle: "掌灯人",
  chatSubtitle: "灯织小铺 · 随问随答",
  welcome: "您好，想找点什么？",
  welcomeMore: "订单、退换、尺码、送礼，中文英文都可以问。",
};

export const WORDS: Record<Language, Record<Word, string>> = { en: EN, zh: ZH };

/** The shop's categories in the order of the shelves; the keys are the shop's. */
export const CATEGORIES: Record<string, Record<Language, string>> = {
  jackets: { en: "Jackets", zh: "外套" },
  tops: { en: "Tops", zh: "上衣" },
  knitwear: { en: "Knitwear", zh: "针织衫" },
  trousers: { en: "Trousers", zh: "裤子" },
  dresses: { en: "Dresses and skirts", zh: "裙装" },
  shoes: { en: "Shoes", zh: "鞋子" },
  bags: { en: "Bags", zh: "包袋" },
  accessories: { en: "Accessories", zh: "配饰" },
  home: { en: "Home textiles", zh: "家居" },
  outdoor: { en: "Outdoor gear", zh: "户外用品" },
};

/** The help centre's shelves; an article of another one stands under its own name. */
export const TOPICS: Record<string, Record<Language, string>> = {
  shipping: { en: "Shipping", zh: "配送" },
  returns: { en: "Returns", zh: "退换货" },
  sizing: { en: "Sizes", zh: "尺码" },
  payment: { en: "Payment", zh: "付款" },
  warranty: { en: "Repairs and warranty", zh: "修补与质保" },
  promotions: { en: "Vouchers and points", zh: "优惠与积分" },
  invoice: { en: "Invoices", zh: "发票" },
  account: { en: "Account", zh: "账户" },
  contact: { en: "Hours and where we are", zh: "营业时间与门店" },
};

export function words(language: Language, word: Word, values: Record<string, string | number> = {}): string {
  return WORDS[language][word].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
