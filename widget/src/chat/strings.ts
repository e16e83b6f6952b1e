import type { Language } from "../types.ts";

const EN = {
  title: "Chat with us",
  subtitle: "Usually answers at once",
  open: "Open chat",
  openUnread: "Open chat, {n} unread",
  close: "Close chat",
  menu: "More options",
  startOver: "Start over",
  startOverAsk: "Start over? This conversation will be cleared from this page.",
  startOverYes: "Start over",
  cancel: "Cancel",
  otherLanguage: "中文",
  transcript: "Save transcript",
  conversation: "Conversation",
  message: "Your message",
  placeholder: "Write a message…",
  send: "Send",
  counter: "{n} of {max} characters",
  tooLong: "{n} characters too many",
  youSaid: "You said:",
  botSaid: "Assistant said:",
  typing: "The assistant is typing",
  slow: "Still working on it…",
  newMessage: "New message from the assistant",
  latest: "Newest message",
  quick: "Quick answers",
  queued: "Waiting its turn",
  sending: "Sending…",
  waiting: "Not sent yet, trying again…",
  sent: "Sent",
  failed: "Not sent",
  retry: "Try again",
  offline: "You are offline. Your message is sent as soon as you are back.",
  unavailable: "We cannot be reached right now. Trying again…",
  person: "A person is answering",
  inQueue: "You are in line for a person",
  position: "Place {n}",
  ticket: "Ticket {id}",
  welcome: "Hello! What can I do for you?",
  welcomeMore: "Ask about orders, returns and products, in English or Chinese.",
  suggestions: "Where is my order?|I want to return something|Recommend a present|Talk to a person",
  products: "Products",
  previous: "Previous products",
  next: "More products",
  inStock: "In stock",
  lowStock: "Only {n} left",
  soldOut: "Sold out",
  rated: "{n} of 5 stars",
  order: "Order {id}",
  orders: "Your orders",
  placed: "Placed {date}",
  eta: "Expected {date}",
  total: "Total",
  tracking: "Tracking number",
  stepDone: "done",
  stepOpen: "still to come",
  source: "Source",
  comparison: "Comparison",
  feature: "Feature",
  yes: "Yes",
  no: "No",
  attachment: "Attachment",
  image: "Image from the assistant",
};

export type Key = keyof typeof EN;

const ZH: Record<Key, string> = {
  title: "在线客服",
  subtitle: "通常立即回复",
  open: "打开聊天",
  openUnread: "打开聊天，{n} 条未读",
  close: "关闭聊天",
  menu: "更多选项",
  startOver: "重新开始",
  startOverAsk: "要重新开始吗？此页面上的对话将被清除。",
  startOverYes: "重新开始",
  cancel: "取消",
  otherLanguage: "English",
  transcript: "保存对话记录",
  conversation: "对话",
  message: "您的消息",
  placeholder: "请输入消息…",
  send: "发送",
  counter: "{n} / {max} 字",
  tooLong: "超出 {n} 字",
  youSaid: "您说：",
  botSaid: "客服说：",
  typing: "客服正在输入",
  slow: "还在处理，请稍候…",
  newMessage: "客服发来新消息",
  latest: "最新消息",
  quick: "快捷回复",
  queued: "排队中",
  sending: "发送中…",
  waiting: "尚未送达，正在重试…",
  sent: "已发送",
  failed: "未送达",
  retry: "重试",
  offline: "您已离线。恢复网络后消息会自动发送。",
  unavailable: "暂时无法连接，正在重试…",
  person: "人工客服正在为您服务",
  inQueue: "正在为您排队转接人工客服",
  position: "第 {n} 位",
  ticket: "工单 {id}",
  welcome: "您好！有什么可以帮您？",
  welcomeMore: "订单、退换货、商品，都可以用中文或英文问我。",
  suggestions: "我的订单到哪了？|我想退货|推荐一份礼物|转人工客服",
  products: "商品",
  previous: "上一组商品",
  next: "更多商品",
  inStock: "有货",
  lowStock: "仅剩 {n} 件",
  soldOut: "已售罄",
  rated: "{n} 星（满分 5 星）",
  order: "订单 {id}",
  orders: "您的订单",
  placed: "{date}下单",
  eta: "预计{date}送达",
  total: "合计",
  tracking: "物流单号",
  stepDone: "已完成",
  stepOpen: "待完成",
  source: "来源",
  comparison: "对比",
  feature: "项目",
  yes: "是",
  no: "否",
  attachment: "附件",
  image: "客服发来的图片",
};

const BUILT_IN: Record<Language, Record<Key, string>> = { en: EN, zh: ZH };

export type Overrides = Partial<Record<Language, Partial<Record<Key, string>>>>;

/** The widget's own words in the current language; a page may put its own in place of any of them. */
export class Strings {
  constructor(
    public language: Language,
    private overrides: Overrides = {},
  ) {}

  override(more: Overrides): void {
    for (const language of ["en", "zh"] as const) {
      this.overrides[language] = { ...this.overrides[language], ...more[language] };
    }
  }

  get(key: Key, values: Record<string, string | number> = {}): string {
    const text = this.overrides[this.language]?.[key] ?? BUILT_IN[this.language][key];
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
  }
}

/** The supported language of a BCP 47 tag; null when it is neither. */
export function languageOf(tag: string | null | undefined): Language | null {
  const primary = tag?.trim().toLowerCase().split(/[-_]/)[0];
  return primary === "en" || primary === "zh" ? primary : null;
}
