/**
 * LangChain: its chat models behind a guard.
 *
 * @module sallyport/langchain
 */

export { type CallToken, type ChatModel, guardChatModel, type GuardChatModelOptions, type GuardedChatModel } from './guard-chat-model.ts'
