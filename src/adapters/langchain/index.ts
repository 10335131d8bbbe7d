export { type CallToken, type ChatModel, guardChatModel, type GuardChatModelOptions, type GuardedChatModel } from './guard-chat-model.ts'
