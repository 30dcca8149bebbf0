// One function a detector, one detector a file.
#pragma once

#include "diagnose/candidate.h"

namespace unleak::diagnose {

// Containers whose entries only grow, alone or summed along their folded path.
std::vector<Candidate> FindGrowingContainers(const Evidence& evidence);
// Queues that take on more than they give back.
std::vector<Candidate> FindQueueBacklogs(const Evidence& evidence);
// Types whose retained instances only grow although no container does: linked lists, trees.
std::vector<Candidate> FindGrowingPopulations(const Evidence& evidence);
// Cycles that wait for the collector, or that it can never free.
std::vector<Candidate> FindReferenceCycles(const Evidence& evidence);
// Big objects that a frame holds at a high of memory.
std::vector<Candidate> FindBulkReads(const Evidence& evidence);
// Queues that hold much at a high of memory.
std::vector<Candidate> FindQueuedWork(const Evidence& evidence);
// Objects with references that nobody explains, and objects in use whose count rises for no reason.
std::vector<Candidate> FindLostReferences(const Evidence& evidence);
// Islands that the collector can never free.
std::vector<Candidate> FindUncollectableCycles(const Evidence& evidence);
// Interned strings that nothing refers to and that are never freed.
std::vector<Candidate> FindImmortalStrings(const Evidence& evidence);
// Malloc's used bytes that belong to no object and only grow.
std::vector<Candidate> FindNativeMemory(const Evidence& evidence);
// Takes native candidates out that grow no faster than objects of another candidate do: they belong to those.
void DropOwnedNative(std::vector<Candidate>& candidates);
// Takes lost references out that a container's native objects may keep (they come in step): they are told with those, as
// "native_references" of the evidence.
void DropKeptReferences(std::vector<Candidate>& candidates);
// Memory that is freed but stays resident.
std::vector<Candidate> FindFragmentation(const Evidence& evidence);

}  // namespace unleak::diagnose
